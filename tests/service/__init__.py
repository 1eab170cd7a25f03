"""The REST service, in process over fakes and as real servers over the twins."""
