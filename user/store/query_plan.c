/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_plan.c - which part of a span roll-ups answer, and which the connections themselves
 *
 * Whole hours or days are roll-ups; the broken ones at both ends are counted from connections in full. Where those are gone already
 * the end moves outwards to the whole unit, and that is told: nothing that is known is left out. Pure.
 */
#include "store/query.h"

static int64_t down(int64_t time, int64_t unit)
{
	return time / unit - (time % unit < 0);
}

static int64_t up(int64_t time, int64_t unit)
{
	return down(time, unit) + (time % unit != 0);
}

/* Only connections answer: what they do not reach is not known. */
static struct query_plan from_details(int64_t since, int64_t until, int64_t details_since)
{
	struct query_plan plan = {.since = since, .until = until};

	if (since < details_since && details_since) {
		plan.since = details_since < until ? details_since : until;
		plan.since_moved = true;
	}
	plan.details[0] = (struct query_span){plan.since, until};
	return plan;
}

struct query_plan query_plan(int64_t since, int64_t until, int64_t unit, int64_t details_since)
{
	struct query_plan plan = {.unit = unit, .since = since, .until = until};
	bool endless = until == INT64_MAX;

	if (!unit)
		return from_details(since, until, details_since);
	plan.from = up(since, unit);
	plan.to = endless ? INT64_MAX : down(until, unit);
	if (since >= details_since) {
		int64_t begin = plan.from, end = plan.to;

		if (begin > end || (begin == end && begin * unit != since)) {
			/* No whole unit is inside. */
			plan.details[0] = (struct query_span){since, until};
			plan.to = plan.from;
			return plan;
		}
		plan.details[0] = (struct query_span){since, begin * unit};
		if (!endless)
			plan.details[1] = (struct query_span){end * unit, until};
		return plan;
	}
	plan.from = down(since, unit);
	plan.since = plan.from * unit;
	plan.since_moved = plan.since != since;
	if (endless)
		return plan;
	if (plan.to * unit >= details_since) {
		plan.details[1] = (struct query_span){plan.to * unit, until};
		return plan;
	}
	plan.to = up(until, unit);
	plan.until = plan.to * unit;
	plan.until_moved = plan.until != until;
	return plan;
}
