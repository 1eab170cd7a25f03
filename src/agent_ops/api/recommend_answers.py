"""What is asked and answered about recommendations."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agent_ops.api.answers import Answer, Personal, sight
from agent_ops.api.bodies import Body
from agent_ops.api.words import Item, NameOrAddress, Reason, Word
from agent_ops.domain.grants import Caller
from agent_ops.domain.recommendation import Choice, Outlier, Recommended
from agent_ops.memory.attribute_weights import AttributeWeights


class ProfileBody(Body):
    """Who is meant, without a name."""

    team: Word = Field(description="A team of the policy, by key or title.")
    level: Word | None = Field(None, description="A level of the policy.")
    location: Word | None = Field(None, description="A location of the policy, by key or title.")


class DeclineBody(Body):
    """What is not to be recommended to somebody again."""

    user: NameOrAddress = Field(description="An employee id, an address or a full name.")
    item: Item
    why: Reason = Field(min_length=1)


class RecommendationAnswer(Answer):
    """An item that people like this one have."""

    item: str = Field(examples=["jira"])
    holders: int = Field(description="How many of the people hold it.")
    people: int
    cohort: dict[str, str] = Field(description="What these people have in common.", examples=[{"team": "Data", "level": "L2"}])
    probability: float
    at_least: float = Field(description="The lower bound of the probability: 95 %, one-sided.")
    reason: str = Field(examples=["9 of 10 people of Data L2 in Pune have it"])
    how: Literal["birthright", "auto", "suggested"] = Field(description="Due unasked, would be given unasked, or only shown.")

    @classmethod
    def of(cls, one: Recommended) -> RecommendationAnswer:
        return cls(**one.to_json())


class WeightsAnswer(Answer):
    """What agreeing in each attribute is worth to memory."""

    worth: dict[str, float] = Field(description="By attribute, 1 on average.", examples=[{"team": 1.6, "level": 0.3}])
    patterns: int = Field(description="From how many patterns that was learned; 0 when from none.")
    version: int = Field(description="Of the patterns that it was learned from.")
    said: str = Field(description="The same in words, or why nothing is learned.")

    @classmethod
    def of(cls, one: AttributeWeights) -> WeightsAnswer:
        return cls(worth=dict(one.worth), patterns=one.patterns, version=one.version, said=str(one))


class OutlierAnswer(Answer):
    """An access that somebody holds and hardly anybody like them does."""

    employee_id: str
    name: Personal
    item: str
    holders: int = Field(description="How many of the others like them hold it.")
    people: int
    at_most: float = Field(description="The upper bound of the share that does: 95 %, one-sided.")
    reason: str

    @classmethod
    def of(cls, one: Outlier, caller: Caller) -> OutlierAnswer:
        return cls(**{**vars(one), "name": sight(caller)(one.name)})


class ChoiceAnswer(Answer):
    """One line of what was asked, suggested, given unasked, chosen, declined or changed."""

    employee_id: str
    run_id: str | None
    item: str = Field(description="Empty where the request as a whole was changed.")
    kind: Literal["asked", "suggested", "auto", "chosen", "declined", "changed"]
    by: str = Field(description="The caller.")
    said: Personal
    at: str
    until: str | None = Field(description="The last day of what was given unasked.")
    team: str

    @classmethod
    def of(cls, one: Choice, caller: Caller) -> ChoiceAnswer:
        return cls(**{**vars(one), "run_id": one.run_id or None, "until": one.until or None, "said": sight(caller)(one.said)})
