/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_report.c - a report in text, JSON and CSV: whatever an attacker wrote stays in its place, and what is not known is said
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kept_record.h"
#include "make_report.h"

static void test_text(void **state)
{
	static const unsigned int widths[] = {80, 100, 160, 300};

	(void)state;
	for (unsigned int by = 0; by < QUERY_BYS; by++) {
		for (unsigned int i = 0; i < 4; i++) {
			struct report *report = make(REPORT_TABLE, (enum query_by)by);

			text(report, widths[i]);
			assert_tame(widths[i]);
			assert_has("and 5 more: 77 connections");
			if (by != QUERY_BY_VERDICT && !strstr(shown, "# ROUND THE MTA, = ELSE\n"))
				assert_has("\n  (# round the MTA, = else)\n");
			if (by != QUERY_BY_VERDICT && by != QUERY_BY_HOUR)
				assert_has("\\x1b]0;owned\\x07\\x1b[31m");
			report_free(report);
		}
	}
}

static void test_others(void **state)
{
	struct report *report = make(REPORT_TABLE, QUERY_BY_HELO);

	(void)state;
	text(report, 160);
	assert_has(
		"others, more different ones in a day than the store tells apart: 55 connections");
	report_free(report);
}

static void test_hours_without(void **state)
{
	struct report *report = make(REPORT_TABLE, QUERY_BY_HOUR);

	(void)state;
	text(report, 80);
	assert_has("    1 hour without a connection\n");
	report_free(report);
}

static void test_nobody(void **state)
{
	struct report *report = make(REPORT_OVERVIEW, QUERY_BY_WHO);

	(void)state;
	fill(&report->parts[REPORT_VERDICTS], QUERY_BY_VERDICT);
	report->parts[REPORT_ROWS].table.count = 0;
	report->parts[REPORT_ROWS].table.all.connections = 0;
	text(report, 80);
	assert_has("Nobody went round the MTA.\n"
		   "  smtpsnoop report --by who tells who had these connections.\n");
	assert_has("Nothing is known to be missing.");
	assert_has_not("snapshot tells");
	report->parts[REPORT_VERDICTS].table.all.connections = 0;
	text(report, 80);
	assert_has_not("--by who");
	free(report->parts[REPORT_ROWS].table.rows);
	report->parts[REPORT_ROWS].table.rows = NULL;
	report_free(report);
}

/* What was selected is said, as it was given. */
static void test_selected(void **state)
{
	static const uint16_t ports[] = {25, 2525};
	const struct query before = query;
	struct report *report = make(REPORT_TABLE, QUERY_BY_HOUR);

	(void)state;
	text(report, 300);
	assert_has("now (24 h)\n");
	report->selected = report->verdicts = true;
	query.script = "mail\x1b[2J";
	query.has_uid = true;
	query.uid = 33;
	query.ports = ports;
	query.port_count = 2;
	query.verdicts = 1u << VERDICT_BYPASS | 1u << VERDICT_IMPOSTOR;
	text(report, 300);
	assert_has(
		"now (24 h)  only a script with \"mail\\x1b[2J\" and user id 33 and port 25, 2525 "
		"and verdict bypass, impostor\n");
	text(report, 80);
	assert_tame(80);
	/* All is below the root. */
	query = before;
	report->verdicts = false;
	text(report, 300);
	assert_has("now (24 h)\n");
	report_free(report);
}

static void test_what_next(void **state)
{
	struct report *report = make(REPORT_OVERVIEW, QUERY_BY_WHO);

	(void)state;
	fill(&report->parts[REPORT_VERDICTS], QUERY_BY_VERDICT);
	text(report, 200);
	assert_has("  smtpsnoop report actor NUMBER tells more of one; smtpsnoop snapshot tells "
		   "how to stop what is still there.\n");
	/* The MTA is not to be stopped. */
	report->verdicts = true;
	report->parts[REPORT_ROWS].table.all = some(1000, VERDICT_MTA);
	text(report, 200);
	assert_has("  smtpsnoop report actor NUMBER tells more of one.\n");
	report_free(report);
}

static void test_failed(void **state)
{
	struct report *report = make(REPORT_TABLE, QUERY_BY_USER);

	(void)state;
	report->parts[REPORT_ROWS].failed = -ETIME;
	strcpy(report->parts[REPORT_ROWS].error, "the answer takes too long");
	text(report, 80);
	assert_has("No answer: the answer takes too long.");
	report_free(report);
}

static void test_moved(void **state)
{
	struct report *report = make(REPORT_TABLE, QUERY_BY_USER);
	struct query_plan *plan = &report->parts[REPORT_ROWS].table.plan;

	(void)state;
	plan->since_moved = plan->until_moved = true;
	plan->since = NOW - 48 * HOUR;
	plan->until = NOW - 2 * HOUR;
	text(report, 300);
	assert_has("Counted from 2026-10-31 16:00 on: connections in full are not kept that long, "
		   "and the sums are of whole hours.");
	assert_has("Counted until 2026-11-02 14:00, for the same reason.");
	plan->unit = 0;
	text(report, 300);
	assert_has(
		"Counted from 2026-10-31 16:00 on only: before, connections in full are not kept");
	report_free(report);
}

/* Every cell of a row as a spreadsheet reads it. */
static const char *next_cell(const char *at, char *cell, size_t size)
{
	size_t used = 0;
	bool quoted = *at == '"';

	at += quoted;
	while (*at && used + 1 < size) {
		if (quoted && *at == '"') {
			if (at[1] != '"') {
				at++;
				break;
			}
			at++;
		} else if (!quoted && (*at == ',' || *at == '\n')) {
			break;
		}
		cell[used++] = *at++;
	}
	cell[used] = '\0';
	assert_true(*at == ',' || *at == '\n');
	return at;
}

static unsigned int cells_of(const char *line, char cells[][512])
{
	unsigned int count = 0;

	for (;;) {
		line = next_cell(line, cells[count++], 512);
		if (*line++ == '\n')
			return count;
	}
}

static void test_csv(void **state)
{
	static char head[40][512], cells[40][512];

	(void)state;
	for (unsigned int by = 0; by < QUERY_BYS; by++) {
		struct report *report = make(REPORT_TABLE, (enum query_by)by);
		FILE *out = begin();
		unsigned int count, lines = 0;
		const char *line;

		report_csv(out, report);
		fclose(out);
		count = cells_of(shown, head);
		assert_string_equal(head[0], "row");
		for (line = shown; *line; line = strchr(line, '\n') + 1, lines++) {
			assert_int_equal(cells_of(line, cells), count);
			for (unsigned int i = 0; i < count; i++)
				if (cells[i][0] && strchr("=+-@\t\r", cells[i][0]))
					fail_msg("a formula: %s", cells[i]);
		}
		/* Head, rows, rest, and others of HELO names. */
		assert_int_equal(lines, 1 + HOSTILE + 1 + (by == QUERY_BY_HELO));
		if (by == QUERY_BY_SCRIPT) {
			assert_has("row,\"'=cmd|' /C calc'!A0\",\"'=cmd|' /C calc'!A0\",100,");
			assert_has("row,\"a,\"\"b\"\"\\nrow,0\",\"a,\"\"b\"\"\\nrow,0\",96,");
		}
		report_free(report);
	}
}

static json_t *whole; /* the last one, for its end */

static json_t *json(const struct report *report)
{
	FILE *out = begin();
	json_error_t error;

	report_json(out, report);
	fclose(out);
	assert_non_null(strchr(shown, '\n'));
	assert_int_equal(strchr(shown, '\n') - shown, (ptrdiff_t)shown_size - 1);
	for (const char *at = shown; *at && *at != '\n'; at++)
		assert_true((unsigned char)*at >= ' ');
	json_decref(whole);
	whole = json_loads(shown, JSON_REJECT_DUPLICATES, &error);
	if (!whole)
		fail_msg("%s in %s", error.text, shown);
	return json_object_get(whole, "report");
}

static void test_json(void **state)
{
	(void)state;
	for (unsigned int by = 0; by < QUERY_BYS; by++) {
		struct report *report = make(REPORT_TABLE, (enum query_by)by);
		json_t *root = json(report), *part = json_object_get(root, "rows");
		json_t *rows = json_object_get(part, "rows"), *row = json_array_get(rows, 0);

		assert_int_equal(json_array_size(rows), HOSTILE);
		assert_int_equal(json_integer_value(json_object_get(row, "connections")), 100);
		if (by == QUERY_BY_SERVICE)
			assert_string_equal(json_string_value(json_object_get(row, "service")),
					    hostile[0]);
		assert_int_equal(json_integer_value(json_object_get(json_object_get(part, "rest"),
								    "connections")),
				 77);
		assert_true((json_object_get(part, "others") != NULL) == (by == QUERY_BY_HELO));
		report_free(report);
	}
}

static void test_json_losses(void **state)
{
	struct report *report = with_losses();
	json_t *root = json(report), *events = json_object_get(root, "events");
	json_t *gaps = json_object_get(root, "gaps");

	(void)state;
	assert_int_equal(json_array_size(gaps), 3);
	assert_null(json_object_get(json_array_get(gaps, 2), "until"));
	assert_int_equal(json_array_size(events), 8);
	assert_string_equal(json_string_value(json_object_get(json_array_get(events, 2), "kind")),
			    "lost-store");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(events, 3), "back_ns")),
			 7200 * SECOND);
	assert_string_equal(json_string_value(json_object_get(json_array_get(events, 7), "kind")),
			    "unknown");
	report_free(report);
}

static void test_record_text(void **state)
{
	struct text how = {.out = begin(), .layout = layout_for(80)};

	(void)state;
	assert_int_equal(report_record_text(&how, 12, bytes_of(record)), 0);
	fclose(how.out);
	assert_tame(80);
	assert_has("Connection 12\n");
	assert_has("  HELO            \\x1b[31mx\"y\n");
	assert_has("  MAIL FROM       a@b c\\nd\n");
	assert_has("  exe deleted     yes\n");
	assert_has("  ancestors       init \\xff\n");
}

static void assert_time(const char *member, const char *shown_as)
{
	struct text how = {.out = begin(), .layout = layout_for(80)};
	char json[256];

	snprintf(json, sizeof(json), "{\"event\":{%s}}", member);
	assert_int_equal(report_record_text(&how, 1, bytes_of(json)), 0);
	fclose(how.out);
	assert_has(shown_as);
}

/* As everywhere in a report: local time. What only looks like one, or is none, stays as it is. */
static void test_record_times(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	assert_time("\"start\":\"2026-11-28T23:01:35.497474Z\"",
		    "  opened          2026-11-29 00:01:35.497474 +0100\n");
	assert_time("\"end\":\"2026-07-01T12:00:00Z\"",
		    "  ended           2026-07-01 14:00:00 +0200\n");
	assert_time("\"id\":\"2026-07-01T12:00:00Z\"", "  id              2026-07-01T12:00:00Z\n");
	assert_time("\"start\":\"2026-11-28T23:01:35.497474Z rm\"",
		    "  opened          2026-11-28T23:01:35.497474Z rm\n");
	assert_time("\"start\":\"2026-11-28T23:01:35.\"",
		    "  opened          2026-11-28T23:01:35.\n");
	setenv("TZ", "UTC", 1);
	tzset();
}

/* What lies in the store may be a terminal's sequences: it is written anew. */
static void test_record_json(void **state)
{
	static const char raw[] = " { \"verdict\" : {\n\t\"class\":\"a\xc2\x9b"
				  "31m\xff\" , \"reasons\":[ ] } } ";
	FILE *out = begin();
	json_t *before = json_loads(
		"{\"verdict\":{\"class\":\"a\\u009b31m\\u00ff\",\"reasons\":[]}}", 0, NULL);
	json_t *after;

	(void)state;
	assert_int_equal(report_record_json(out, bytes_of(raw)), 0);
	fclose(out);
	assert_has("{\"verdict\":{\"class\":\"a\\u009b31m\\u00ff\",\"reasons\":[]}}\n");
	after = json_loads(shown, 0, NULL);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	out = begin();
	assert_int_equal(report_record_json(out, bytes_of(record)), 0);
	fclose(out);
	assert_has("\"inode\":18446744073709551615,\"deleted\":true");
	assert_has("\"empty\":[]");
}

static int free_all(void **state)
{
	json_decref(whole);
	return free_shown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	      cmocka_unit_test(test_others),
		cmocka_unit_test(test_hours_without), cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_what_next),     cmocka_unit_test(test_selected),

		cmocka_unit_test(test_failed),	      cmocka_unit_test(test_moved),
		cmocka_unit_test(test_csv),	      cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_losses),   cmocka_unit_test(test_record_text),
		cmocka_unit_test(test_record_json),   cmocka_unit_test(test_record_times),
	};

	return cmocka_run_group_tests(tests, set_zone, free_all);
}
