// SPDX-License-Identifier: GPL-2.0-only
/*
 * state.bpf.c - the maps and settings of state.bpf.h, once
 */
#include "script.bpf.h"

const volatile struct tracer_settings settings = {.version = EVENT_VERSION};

struct event_counters counters;

struct watches_map watches SEC(".maps");
struct held_map held SEC(".maps");
struct early_map earlies SEC(".maps");
struct talks_map talks SEC(".maps");
struct events_map events SEC(".maps");
struct losses_map losses SEC(".maps");
struct scratches_map scratches SEC(".maps");
struct spares_map spares SEC(".maps");
struct executions_map executions SEC(".maps");
struct origins_map origins SEC(".maps");
struct runtimes_map runtimes SEC(".maps");

/* The helpers that read kernel memory and keep storage in tracing programs are for GPL-compatible code. */
char LICENSE[] SEC("license") = "GPL";
