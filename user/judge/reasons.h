/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reasons.h - the words that stand beside a verdict, and what each one means
 */
#ifndef SMTPSNOOP_REASONS_H
#define SMTPSNOOP_REASONS_H

#include "judge/actors.h"
#include "judge/verdict.h"

#define REASON(name) (UINT64_C(1) << REASON_##name)

/* What is so whatever the verdict: refused, blocklisted, handed-over, existing, proxy, attempt-only. */
uint64_t reasons_facts(const struct verdict_case *facts);

/* What speaks against opener and sender themselves, and decides between bypass and impostor. */
uint64_t reasons_identity(const struct verdict_case *facts);

/* What else is suspicious about a connection that went round the MTA. */
uint64_t reasons_conduct(const struct verdict_case *facts, const struct config *config,
			 struct actor_habits habits);

/* Those that make a bypass an impostor. */
#define REASONS_IMPOSTOR (REASON(FAKE_KTHREAD) | REASON(MTA_USER) | REASON(ROOT))

#endif
