"""What the twins of Atlassian's services share: the query language, its dates, its way of finding words, and the login."""
