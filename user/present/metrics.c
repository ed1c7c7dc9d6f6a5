/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics.c - what the collector counts, as Prometheus reads it
 *
 * Names are never changed: dashboards and rules of others use them. A family is written whole, its HELP and TYPE first. What is not
 * known yet is not written. Nothing is fatal.
 */
#include "present/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "present/tally.h"

#define SECOND 1000000000

struct metrics {
	struct tally *tally;
	bool started;
	struct frame_start start;
	int64_t since; /* Unix ns */
	uint64_t heard; /* of the privileged half: CLOCK_BOOTTIME ns */
	struct frame_status status;
};

struct metrics *metrics_new(void)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (!metrics)
		return NULL;
	metrics->tally = tally_new();
	if (metrics->tally)
		return metrics;
	free(metrics);
	return NULL;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	tally_free(metrics->tally);
	free(metrics);
}

void metrics_start(struct metrics *metrics, const struct frame_start *start, int64_t now,
		   uint64_t boot)
{
	metrics->start = *start;
	metrics->since = now;
	metrics->heard = boot;
	metrics->started = true;
}

void metrics_connection(struct metrics *metrics, const struct connection *connection)
{
	tally_add(metrics->tally, connection);
}

void metrics_status(struct metrics *metrics, const struct frame_status *status, uint64_t boot)
{
	metrics->status = *status;
	metrics->heard = boot;
}

static void family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP smtpsnoop_%s %s\n# TYPE smtpsnoop_%s %s\n", name, help, name, type);
}

/* labels "" = none */
static void sample(FILE *out, const char *name, const char *labels, uint64_t value)
{
	fprintf(out, "smtpsnoop_%s%s%s%s %" PRIu64 "\n", name, *labels ? "{" : "", labels,
		*labels ? "}" : "", value);
}

/* Nanoseconds as seconds. */
static void sample_seconds(FILE *out, const char *name, const char *labels, uint64_t value)
{
	fprintf(out, "smtpsnoop_%s%s%s%s %" PRIu64 ".%03" PRIu64 "\n", name, *labels ? "{" : "",
		labels, *labels ? "}" : "", value / SECOND, value % SECOND / 1000000);
}

static void counter(FILE *out, const char *name, uint64_t value, const char *help)
{
	family(out, name, "counter", help);
	sample(out, name, "", value);
}

static void gauge(FILE *out, const char *name, uint64_t value, const char *help)
{
	family(out, name, "gauge", help);
	sample(out, name, "", value);
}

static const struct tally_name {
	const char *name, *help;
} tally_names[TALLY_KINDS] = {
	[TALLY_CONNECTIONS] = {"connections_total", "SMTP connections that ended"},
	[TALLY_UNANSWERED] = {"connections_unanswered_total",
			      "SMTP connections that were never established"},
	[TALLY_REFUSED] =
		{"connections_refused_total",
		 "SMTP connections with a refusal of the greeting, a sender, a recipient or a "
		 "message"},
	[TALLY_BLOCKLISTED] = {"connections_blocklisted_total",
			       "SMTP connections with a reply that names a blocklist"},
	[TALLY_MESSAGES] = {"messages_total", "Messages sent whole"},
	[TALLY_MESSAGES_ACCEPTED] = {"messages_accepted_total",
				     "Messages that the other side accepted"},
	[TALLY_RECIPIENTS] = {"recipients_total", "Recipients named with RCPT"},
	[TALLY_RECIPIENTS_REFUSED] = {"recipients_refused_total",
				      "Recipients that the other side refused"},
	[TALLY_BYTES] = {"sent_bytes_total", "Bytes sent on SMTP connections"},
};

/* One family of those by who, while it is written. */
struct by_who {
	FILE *out;
	const char *name;
	enum tally_kind kind;
};

static void write_who(void *context, const char *labels, const struct tally_counts *counts)
{
	const struct by_who *by = context;

	sample(by->out, by->name, labels, counts->of[by->kind]);
}

/* From 0 on, so that the first of a verdict is an increase. */
static void write_by_verdict(const struct metrics *metrics, enum tally_kind kind, FILE *out)
{
	const struct tally_name *name = &tally_names[kind];
	char help[160], labels[32];

	snprintf(help, sizeof(help), "%s, by verdict.", name->help);
	family(out, name->name, "counter", help);
	for (int class = 0; class < VERDICT_CLASSES; class ++) {
		snprintf(labels, sizeof(labels), "verdict=\"%s\"", verdict_name(class));
		sample(out, name->name, labels, tally_verdict(metrics->tally, class)->of[kind]);
	}
}

static void write_by_who(const struct metrics *metrics, enum tally_kind kind, FILE *out)
{
	char full[64], help[192], labels[80];
	struct by_who by = {.out = out, .name = full, .kind = kind};

	snprintf(full, sizeof(full), "actor_%s", tally_names[kind].name);
	snprintf(help, sizeof(help), "%s, by verdict, user and service of the opener.",
		 tally_names[kind].help);
	family(out, full, "counter", help);
	tally_each(metrics->tally, write_who, &by);
	for (int class = 0; class < VERDICT_CLASSES; class ++) {
		snprintf(labels, sizeof(labels), "verdict=\"%s\",user=\"other\",service=\"other\"",
			 verdict_name(class));
		sample(out, full, labels, tally_other(metrics->tally, class)->of[kind]);
	}
}

/* "fentry+cgroup_skb" as one sample each. */
static void write_hooks(const char *hooks, FILE *out)
{
	char labels[START_HOOKS_MAX + 16];

	family(out, "hook_info", "gauge", "Kernel hooks in use; always 1.");
	while (*hooks) {
		int length = (int)strcspn(hooks, "+");

		snprintf(labels, sizeof(labels), "hook=\"%.*s\"", length, hooks);
		sample(out, "hook_info", labels, 1);
		hooks += length + (hooks[length] == '+');
	}
}

static unsigned int lines(const char *text)
{
	unsigned int count = *text != '\0';

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void write_build(const struct metrics *metrics, FILE *out)
{
	family(out, "build_info", "gauge", "The program; always 1.");
	sample(out, "build_info", "version=\"" SMTPSNOOP_VERSION "\"", 1);
	gauge(out, "tracing", metrics->started, "Whether everything is attached: 1 or 0.");
	if (!metrics->started)
		return;
	write_hooks(metrics->start.hooks, out);
	gauge(out, "degraded_parts", lines(metrics->start.degraded),
	      "Parts of the picture that this kernel does not give; smtpsnoop features names "
	      "them.");
	family(out, "start_time_seconds", "gauge", "When tracing began, in Unix time.");
	sample_seconds(out, "start_time_seconds", "", (uint64_t)metrics->since);
}

static void write_losses(const struct event_counters *counters, FILE *out)
{
	counter(out, "attempts_total", counters->attempts,
		"SMTP connections that were opened or tried.");
	counter(out, "attempts_delivered_total", counters->delivered,
		"Attempts that are known in detail.");
	counter(out, "attempts_counted_only_total", counters->counted_only,
		"Attempts of which nothing but their number is known: the ring was full.");
	family(out, "lost_records_total", "counter",
	       "Records about connections that found no room in the ring, by kind.");
	sample(out, "lost_records_total", "kind=\"data\"", counters->data_lost);
	sample(out, "lost_records_total", "kind=\"script\"", counters->scripts_lost);
	sample(out, "lost_records_total", "kind=\"sender\"", counters->senders_lost);
	sample(out, "lost_records_total", "kind=\"state\"", counters->states_lost);
	counter(out, "lost_dialogue_bytes_total", counters->data_lost_bytes,
		"Bytes of dialogues that found no room in the ring.");
	counter(out, "unfollowed_connections_total", counters->storage_failed,
		"Connections that the kernel had no memory to follow.");
}

static void write_halves(const struct frame_status *status, FILE *out)
{
	static const char *const halves[] = {"half=\"tracing\"", "half=\"parsing\""};

	gauge(out, "ring_size_bytes", status->ring_bytes, "Size of the kernel's ring.");
	gauge(out, "ring_used_bytes", status->ring_used,
	      "The most that waited in the ring in the last seconds.");
	family(out, "resident_memory_bytes", "gauge", "Memory of the two processes.");
	for (int i = 0; i < 2; i++)
		sample(out, "resident_memory_bytes", halves[i], status->resident[i]);
	family(out, "cpu_seconds_total", "counter", "Processor time of the two processes.");
	for (int i = 0; i < 2; i++)
		sample_seconds(out, "cpu_seconds_total", halves[i], status->processor[i]);
}

static void write_table(const struct metrics *metrics, const struct table *table, FILE *out)
{
	gauge(out, "open_connections", table_live(table), "SMTP connections that are open.");
	counter(out, "connections_ended_early_total", table_over(table),
		"Connections that were taken for ended, as too many were open.");
	counter(out, "connections_without_opener_total", table_orphans(table),
		"Connections whose first record never came: nothing of them is told.");
	gauge(out, "actor_label_sets", tally_sets(metrics->tally),
	      "Label sets of smtpsnoop_actor_*; what is over the bound is counted as other.");
}

static void write_store(const struct store_state *store, int64_t now, FILE *out)
{
	int64_t lag = store->oldest && now > store->oldest ? now - store->oldest : 0;

	gauge(out, "store_up", store->status == STORE_OK,
	      "Whether the store could be written when that was last tried: 1 or 0.");
	gauge(out, "store_size_bytes", store->bytes, "The store's file and its write-ahead log.");
	gauge(out, "store_queued_connections", store->queued,
	      "Connections that wait to be written.");
	gauge(out, "store_queued_bytes", store->queued_bytes, "Memory that these take.");
	family(out, "store_lag_seconds", "gauge",
	       "How long the connection that waits longest has waited.");
	sample_seconds(out, "store_lag_seconds", "", (uint64_t)lag);
	counter(out, "store_written_connections_total", store->written,
		"Connections that are on disk.");
	counter(out, "store_lost_connections_total", store->lost,
		"Connections that could not be stored, as too many waited.");
	family(out, "store_last_commit_time_seconds", "gauge",
	       "When something was last written, in Unix time; 0 = not yet.");
	sample_seconds(out, "store_last_commit_time_seconds", "", (uint64_t)store->last_commit);
}

void metrics_write(const struct metrics *metrics, const struct metrics_now *now, FILE *out)
{
	write_build(metrics, out);
	for (int kind = 0; kind < TALLY_KINDS; kind++) {
		write_by_verdict(metrics, kind, out);
		write_by_who(metrics, kind, out);
	}
	write_table(metrics, now->table, out);
	if (metrics->status.ring_bytes) {
		write_losses(&metrics->status.counters, out);
		write_halves(&metrics->status, out);
	}
	if (now->store)
		write_store(now->store, now->now, out);
}

bool metrics_unhealthy(const struct metrics *metrics, const struct metrics_now *now, char *why,
		       size_t size)
{
	uint64_t silent = now->boot > metrics->heard ? (now->boot - metrics->heard) / SECOND : 0;

	if (!metrics->started)
		snprintf(why, size, "nothing is traced yet");
	else if (silent >= LIMIT_STATUS_SILENT)
		snprintf(why, size, "the tracing half has said nothing for %" PRIu64 " s", silent);
	else if (now->store && now->store->status != STORE_OK)
		snprintf(why, size, "the store cannot be written: %s",
			 store_status_text(now->store->status));
	else
		return false;
	return true;
}
