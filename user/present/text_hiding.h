/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_hiding.h - what could hide connections from us, in words
 */
#ifndef SMTPSNOOP_TEXT_HIDING_H
#define SMTPSNOOP_TEXT_HIDING_H

#include "present/text.h"
#include "store/search.h"

/* "packet", "raw", "xdp": the socket of a process. */
const char *holds_name(uint32_t holds);
/* "sched_cls": the type of a BPF program; "" = one that we have no word for. */
const char *hiding_type(uint32_t type);
/* "tc egress"; "" for PLACE_UNKNOWN. */
const char *hiding_place_name(uint32_t place);
/* "tun" or "tap", "" = not known. */
const char *hiding_tun(uint32_t type);

/* A paragraph each for processes, BPF programs and tun devices, if there are some. */
void hiding_print(const struct snapshot_search *search, const struct text *text);

#endif
