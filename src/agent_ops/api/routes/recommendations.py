"""Recommendations: what people like somebody have, who stands out, what was chosen, and declining."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from agent_ops.api.admission import Acting, Calling, GuardedRoute, needs
from agent_ops.api.recommend_answers import (
    ChoiceAnswer,
    DeclineBody,
    OutlierAnswer,
    ProfileBody,
    RecommendationAnswer,
    WeightsAnswer,
)
from agent_ops.domain.employee import Profile

router = APIRouter(prefix="/api/recommendations", tags=["recommendations"], route_class=GuardedRoute)
_MEANT = "An employee id, an address or a full name."


@router.get("", response_model=list[RecommendationAnswer], dependencies=[needs("status")])
async def recommend_to_user(
    ops: Acting, user: Annotated[str, Query(min_length=1, max_length=320, description=_MEANT)]
) -> list[RecommendationAnswer]:
    """What people like this employee have, that they may have, are not due and have not declined; the surest first."""
    return [RecommendationAnswer.of(one) for one in await ops.recommend(user)]


@router.post("", response_model=list[RecommendationAnswer], dependencies=[needs("status")])
async def recommend_to_profile(body: ProfileBody, ops: Acting) -> list[RecommendationAnswer]:
    """What people of such a profile have, within what the policy allows; the surest first."""
    profile = Profile("Nobody", body.team, level=body.level, location=body.location)
    return [RecommendationAnswer.of(one) for one in await ops.recommend(profile)]


@router.get("/weights", response_model=WeightsAnswer, dependencies=[needs("status")])
async def recommendation_weights(ops: Acting) -> WeightsAnswer:
    """What agreeing in team, level and location is worth to memory, and from how many patterns that was learned."""
    return WeightsAnswer.of(await ops.recommendation_weights())


@router.get("/outliers", response_model=list[OutlierAnswer], dependencies=[needs("status")])
async def list_outliers(ops: Acting, caller: Calling) -> list[OutlierAnswer]:
    """Who holds what hardly anybody like them holds, the surest first; birthrights are left out."""
    return [OutlierAnswer.of(one, caller) for one in await ops.outliers()]


@router.get("/history", response_model=list[ChoiceAnswer], dependencies=[needs("status")])
async def recommendation_history(
    ops: Acting,
    caller: Calling,
    user: Annotated[str | None, Query(min_length=1, max_length=320, description=_MEANT)] = None,
    team: Annotated[str | None, Query(min_length=1, max_length=200, description="Only of this team's people.")] = None,
    requester: Annotated[str | None, Query(min_length=1, max_length=256, description="Only by this caller.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 200,
) -> list[ChoiceAnswer]:
    """What was asked, suggested, given unasked, chosen, declined and changed, the newest first."""
    found = await ops.recommendation_history(user, team=team, requester=requester, limit=limit)
    return [ChoiceAnswer.of(one, caller) for one in found]


@router.post("/decline", status_code=201, response_model=ChoiceAnswer, dependencies=[needs("onboard")])
async def decline_recommendation(body: DeclineBody, ops: Acting, caller: Calling) -> ChoiceAnswer:
    """Let an item never be recommended to an employee again, nor given unasked. What is in place stays."""
    return ChoiceAnswer.of(await ops.decline_recommendation(body.user, body.item, body.why), caller)
