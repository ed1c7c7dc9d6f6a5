/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_html.c - a report as one page, to be read by a manager or sent to a provider's abuse desk
 *
 * It begins with the answer and ends with how it is to be read. One file: no script, nothing from elsewhere, no links; well-formed XML
 * too. Nothing is fatal; write errors stay in the FILE.
 */
#include "present/report_html.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "present/label.h"
#include "present/report_table.h"

static void moment(char out[REPORT_MOMENT], int64_t unix_ns, bool with_seconds)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) ||
	    !(with_seconds ? strftime(out, REPORT_MOMENT, "%Y-%m-%d %H:%M:%S %z", &tm)
			   : strftime(out, REPORT_MOMENT, "%Y-%m-%d %H:%M %z", &tm)))
		snprintf(out, REPORT_MOMENT, "0000-00-00 00:00");
}

void report_html_moment(char out[REPORT_MOMENT], int64_t unix_ns)
{
	moment(out, unix_ns, false);
}

void report_html_moments(char since[REPORT_MOMENT], char until[REPORT_MOMENT], int64_t begin,
			 int64_t end)
{
	report_html_moment(since, begin);
	report_html_moment(until, end);
	if (strcmp(since, until) != 0)
		return;
	moment(since, begin, true);
	moment(until, end, true);
}

static const char *title(const struct report *report)
{
	if (report->kind == REPORT_ACTOR)
		return "What one sender of mail did";
	return report->verdicts ? "Connections to mail servers" : "Mail sent past the mail server";
}

static void begin(FILE *out, const struct report *report)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\" dir=\"ltr\">\n<head>\n<meta "
	      "charset=\"utf-8\"/>\n",
	      out);
	report_html_style(out);
	fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
	      "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
	      "<meta name=\"robots\" content=\"noindex\"/>\n"
	      "<meta name=\"format-detection\" "
	      "content=\"telephone=no, date=no, address=no, email=no\"/>\n"
	      "<meta name=\"color-scheme\" content=\"light dark\"/>\n",
	      out);
	fprintf(out, "<title>%s%s", title(report), report->host[0] ? ": " : "");
	html_text(out, report->host);
	fputs("</title>\n</head>\n<body>\n<main>\n<header>\n", out);
	fputs("<p class=\"kicker\">Report of smtpsnoop", out);
	if (report->host[0]) {
		fputs(" on ", out);
		html_name(out, report->host);
	}
	fprintf(out, "</p>\n<h1>%s</h1>\n", title(report));
}

/* Where it is written, and whether something was. */
struct selection {
	FILE *out;
	bool any;
};

static void only(void *context, const char *name, struct bytes value, bool quoted)
{
	struct selection *selection = context;

	fprintf(selection->out, "%s%s %s", selection->any ? "; " : "<dt>Only</dt><dd>", name,
		quoted ? "&#8220;" : "");
	if (quoted)
		html_bytes(selection->out, value);
	else
		fwrite(value.at, 1, value.length, selection->out);
	fputs(quoted ? "&#8221;" : "", selection->out);
	selection->any = true;
}

static void about_selection(FILE *out, const struct report *report)
{
	struct selection selection = {.out = out};

	report_selected_each(report, only, &selection);
	if (selection.any)
		fputs("</dd>\n", out);
}

static void about(FILE *out, const struct report *report)
{
	char since[REPORT_MOMENT], until[REPORT_MOMENT], made[REPORT_MOMENT], span[REPORT_SPAN];
	int64_t first, end;

	report_period(report, &first, &end);
	report_html_moments(since, until, first, end);
	report_html_moment(made, report->now);
	report_span(span, end - first);
	fputs("<dl class=\"about\">\n<dt>Host</dt><dd>", out);
	if (report->host[0])
		html_name(out, report->host);
	else
		fputs("not known", out);
	fprintf(out,
		"</dd>\n<dt>Period</dt><dd><span class=\"t\">%s</span> to <span "
		"class=\"t\">%s</span> "
		"(%s)</dd>\n",
		since, until, span);
	about_selection(out, report);
	fprintf(out,
		"<dt>Made</dt><dd><span class=\"t\">%s</span> by smtpsnoop " SMTPSNOOP_VERSION
		"</dd>\n</dl>\n",
		made);
}

static void section(FILE *out, const char *heading, const char *note)
{
	fprintf(out, "<section>\n<h2>%s</h2>\n", heading);
	if (note)
		fprintf(out, "<p class=\"note\">%s</p>\n", note);
}

static void end_section(FILE *out)
{
	fputs("</section>\n", out);
}

static void part(FILE *out, const struct report *report, enum report_what what, const char *heading,
		 const char *note, const char *name)
{
	const bool round = report->kind == REPORT_ACTOR || report->verdicts;

	if (!report->parts[what].asked)
		return;
	section(out, heading, note);
	report_html_table(out, &report->parts[what], name, round);
	end_section(out);
}

/* The same senders, put together in two other ways. */
static void sides(FILE *out, const struct report *report)
{
	const bool round = report->verdicts;

	if (!report->parts[REPORT_USERS].asked)
		return;
	fputs("<div class=\"two short\">\n<section>\n<h3>By user</h3>\n", out);
	report_html_table(out, &report->parts[REPORT_USERS], "User", round);
	fputs("</section>\n<section>\n<h3>By service</h3>\n", out);
	report_html_table(out, &report->parts[REPORT_SERVICES], "Service", round);
	fputs("</section>\n</div>\n", out);
}

static void own(FILE *out, const struct report *report)
{
	if (!report->parts[REPORT_VERDICTS].asked)
		return;
	section(out, report->verdicts ? "By verdict" : "All mail connections of this time",
		report->verdicts
			? NULL
			: "What went past the mail server, what the mail server did itself, and "
			  "what was handed to it or allowed.");
	report_html_verdicts(out, &report->parts[REPORT_VERDICTS]);
	if (report->parts[REPORT_OWN].asked) {
		fputs("<h3>Who sent by the mail server, to it, or as allowed</h3>\n", out);
		report_html_table(out, &report->parts[REPORT_OWN], "Program or script", false);
	}
	end_section(out);
}

static void say(void *context, const char *words)
{
	FILE *out = context;

	fputs("<li>", out);
	html_text(out, words);
	fputs("</li>\n", out);
}

static void nothing(void *context, const char *words)
{
	(void)words;
	*(bool *)context = true;
}

static void missing(FILE *out, const struct report *report)
{
	char words[REPORT_LAST];
	bool any = false;

	section(out, "What is not known", NULL);
	report_missing_each(report, nothing, &any);
	if (any) {
		fputs("<ul class=\"missing\">\n", out);
		report_missing_each(report, say, out);
		fputs("</ul>\n", out);
	} else {
		fputs("<p>Nothing is known to be missing.</p>\n", out);
	}
	report_last(words, report);
	fprintf(out, "<p class=\"note\">%s</p>\n", words);
	end_section(out);
}

static void explain(FILE *out, const char *term, const char *words)
{
	fprintf(out, "<dt>%s</dt><dd>%s</dd>\n", term, words);
}

static void how_to_read(FILE *out)
{
	static const enum verdict_class order[] = {VERDICT_BYPASS,  VERDICT_IMPOSTOR,
						   VERDICT_UNKNOWN, VERDICT_MTA,
						   VERDICT_LOCAL,   VERDICT_RELAY};
	char term[64];

	section(out, "How to read this", NULL);
	fputs("<dl class=\"how\">\n", out);
	explain(out, "How it was seen",
		"smtpsnoop reads each outgoing mail connection (SMTP) in the kernel, at the moment "
		"it is made: by which process, of which user and service, for which script, what "
		"was said, and what was answered. It does not depend on the mail log. Bodies of "
		"messages and passwords are never read.");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const char *name = verdict_name(order[i]);

		snprintf(term, sizeof(term), "<span class=\"v v-%s\">%s</span>", name, name);
		explain(out, term, report_html_verdict(order[i]));
	}
	explain(out, "Accepted, refused",
		"As the other side&#39;s mail server answered. Accepted is not read, and not "
		"delivered to a person: it may be rejected or sorted out later.");
	explain(out, "Blocklist named",
		"The answer names a list of addresses that mail is not taken from, and this "
		"host&#39;s address is on it.");
	explain(out, "Only tried", "No connection came about, or nothing was said on it.");
	explain(out, "Names",
		"What programs say of themselves may be false: names of scripts, HELO names and "
		"answers are shown as they were, with \\xNN in place of bytes that cannot be "
		"shown.");
	explain(out, "Times",
		"Local time of the host that made this page; +0100 is one hour "
		"ahead of UTC.");
	fputs("</dl>\n", out);
	end_section(out);
}

static void end(FILE *out, const struct report *report)
{
	char made[REPORT_MOMENT];

	report_html_moment(made, report->now);
	fprintf(out,
		"<footer>Made by smtpsnoop " SMTPSNOOP_VERSION
		" on <span class=\"t\">%s</span> from "
		"the history that its collector keeps. It names users, addresses and files of this "
		"host: pass it on with care.</footer>\n</main>\n</body>\n</html>\n",
		made);
}

static void connections(FILE *out, const struct report *report)
{
	if (!report->first_count)
		return;
	section(out, "Connections", "As far as they are still kept in full.");
	report_html_connections(out, "The first ones", report->first, report->first_count);
	report_html_connections(out, "The last ones", report->last, report->last_count);
	end_section(out);
}

void report_html(FILE *out, const struct report *report)
{
	const bool all = report->kind == REPORT_OVERVIEW && !report->verdicts;

	begin(out, report);
	report_html_summary(out, report);
	about(out, report);
	fputs("</header>\n", out);
	report_html_hours(out, report);
	part(out, report, REPORT_ROWS, all ? "Who sent past the mail server" : "Who",
	     all ? "Connections that could not be judged are listed as well, behind the others."
		 : NULL,
	     "Program or script");
	sides(out, report);
	part(out, report, REPORT_DESTINATIONS, all ? "Where these went" : "Where to", NULL,
	     "Destination");
	part(out, report, REPORT_REPLIES, all ? "What these were answered" : "What was answered",
	     "The answer to a connection is the worst that was heard on it; 250, if a message was "
	     "accepted and nothing was worse; else the last.",
	     "Answer");
	connections(out, report);
	own(out, report);
	missing(out, report);
	how_to_read(out);
	end(out, report);
}
