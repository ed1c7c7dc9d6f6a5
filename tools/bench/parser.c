/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parser.c - how fast the unprivileged half reads: the session machine on text, the table on whole connections
 *
 * parser [--seconds S] [commands|dialogues]
 *
 * Dialogues are recorded once, through the gate as for a capture file, so that pieces and notes come as from the kernel: up to
 * EVENT_PIECE_MAX bytes each of segments of SEGMENT bytes. `commands` gives a recording to the session machine again and again;
 * `dialogues` gives the scripts of the unit tests to the table as frames, with their OPEN and STATE records, GROUP connections at
 * a time taking turns, and each is judged. The time is that of the CPU, over chunks; the median chunk is told. One JSON object a line:
 *	{"bench":"commands","sample":"pipelined","bytes":N,"seconds":S,"gb_per_s":X,"client_bytes":N,"client_gb_per_s":Y}
 *	{"bench":"dialogues","connections":N,"seconds":S,"connections_per_s":X}
 * `bytes` is the text of both directions, commands and replies; the second rate is of the client's text alone, but over the same
 * time. The machine gets no callbacks, as without --events and --recipients. Fatal: no memory.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "capture/tap.h"
#include "enrich/config.h"
#include "make_frame.h"
#include "scripts.h"

#define SEGMENT 1448
#define CHUNKS_MAX 262144
#define CHUNK_LEAST 100000 /* ns: what reading the clock costs does not count */
#define TRANSACTIONS 40
#define RECIPIENTS 50
#define GROUP 16 /* connections under way at once */
#define FRAMES_MAX 64

/* DATA records one after another, each at a multiple of 8 as in a batch, and the bytes of text in them. */
struct recording {
	uint8_t *records;
	size_t used, room;
	uint64_t said[2];
	uint32_t segment;
	struct tap *tap;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "parser: %s\n", what);
	exit(1);
}

static void on_piece(void *context, const struct event_data *piece)
{
	struct recording *recording = context;
	size_t size = offsetof(struct event_data, bytes) + piece->length;
	struct event_data *kept;

	if (recording->used + sizeof(*piece) > recording->room) {
		recording->room = 2 * recording->room + sizeof(*piece);
		recording->records = realloc(recording->records, recording->room);
		if (!recording->records)
			fail("out of memory");
	}
	kept = (struct event_data *)(recording->records + recording->used);
	memcpy(kept, piece, size);
	kept->head.kind = EVENT_DATA;
	kept->head.size = (uint32_t)size;
	recording->used += (size + 7) & ~(size_t)7;
	recording->said[piece->direction] += piece->length;
}

static void on_proven(void *context)
{
	(void)context;
}

static void recording_start(struct recording *recording, uint16_t port)
{
	static const uint16_t listed[] = {24, 25, 465, 587};
	static const struct tap_ports ports = {listed, sizeof(listed) / sizeof(listed[0])};
	static const struct tap_output output = {on_proven, on_piece};

	memset(recording, 0, sizeof(*recording));
	recording->segment = SEGMENT;
	recording->tap = tap_new(&output, recording, &ports, port, false);
	if (!recording->tap)
		fail("out of memory");
}

static void recording_end(struct recording *recording)
{
	tap_end(recording->tap);
	tap_free(recording->tap);
}

static void say_bytes(struct recording *recording, enum event_direction from, const char *bytes,
		      size_t length)
{
	while (length) {
		size_t now = length < recording->segment ? length : recording->segment;

		tap_bytes(recording->tap, from, (const uint8_t *)bytes, now);
		bytes += now;
		length -= now;
	}
}

static void say(struct recording *recording, enum event_direction from, const char *text)
{
	say_bytes(recording, from, text, strlen(text));
}

/* xorshift32: the same on every machine. */
static uint32_t dice(uint32_t sides)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % sides;
}

/* What is said in one turn. */
struct text {
	size_t length;
	char bytes[32768];
};

static __attribute__((format(printf, 2, 3))) void add(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text->length += (size_t)vsnprintf(text->bytes + text->length,
					  sizeof(text->bytes) - text->length, format, arguments);
	va_end(arguments);
	if (text->length >= sizeof(text->bytes))
		fail("a turn is too long");
}

/* 22 to 41 bytes, as addresses are. */
static void make_address_text(char address[96], const char *domain)
{
	static const char *const first[] = {"maria", "j",     "office", "thomas", "anne-marie",
					    "li",    "sales", "info",	"dmitri", "guillermo"};
	static const char *const last[] = {"schmidt", "okonkwo", "jones", "van.der.berg",
					   "nguyen",  "garcia",	 "kim",	  "petrova"};

	snprintf(address, 96, "%s.%s%u@%s", first[dice(10)], last[dice(8)], dice(1000), domain);
}

static const char *const domains[] = {
	"gmail.example",	"yahoo.example",    "outlook.example",	 "web.example",
	"mail.example.com",	"acme.example",	    "uni-bonn.example",	 "libero.example",
	"Orange.example",	"t-online.example", "stadt.example.net", "icloud.example",
	"students.example.edu", "gmx.example",	    "post.example.org",	 "proton.example",
};

/* Addresses of a list that is sorted by domain, more or less: runs of four on the average. */
static const char *next_domain(bool all_differ)
{
	static char own[64];
	static const char *domain;

	if (all_differ) {
		snprintf(own, sizeof(own), "customer-%u.example.com", dice(1000000));
		return own;
	}
	if (!domain || !dice(4))
		domain = domains[dice(sizeof(domains) / sizeof(domains[0]))];
	return domain;
}

/* How a sample's recipients and their replies differ from the usual. */
enum habit {
	HABIT_USUAL = 0, /* one in 33 is refused */
	HABIT_REFUSED = 1, /* all are, by a list or as unknown */
	HABIT_DOMAINS = 2, /* each in another domain */
	HABIT_UNANSWERED = 4, /* the server's side is not seen */
};

static void add_recipient(struct text *commands, struct text *replies, unsigned int habits)
{
	char address[96];

	make_address_text(address, next_domain(habits & HABIT_DOMAINS));
	add(commands, "RCPT TO:<%s>\r\n", address);
	if (!(habits & HABIT_REFUSED) && dice(33))
		add(replies, "250 2.1.5 Ok\r\n");
	else if (dice(2))
		add(replies,
		    "550 5.1.1 <%s>: Recipient address rejected: User unknown in virtual "
		    "mailbox table\r\n",
		    address);
	else
		add(replies,
		    "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked "
		    "using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.10\r\n");
}

static void greet(struct recording *recording)
{
	say(recording, FROM_SERVER, "220 mx1.example.net ESMTP Postfix (Debian/GNU)\r\n");
	say(recording, FROM_CLIENT, "EHLO shop.example.org\r\n");
	say(recording, FROM_SERVER,
	    "250-mx1.example.net\r\n250-PIPELINING\r\n250-SIZE 20480000\r\n250-ETRN\r\n"
	    "250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n"
	    "250 CHUNKING\r\n");
}

static void transaction(struct recording *recording, unsigned int recipients, unsigned int habits)
{
	static struct text commands, replies;

	commands.length = replies.length = 0;
	add(&commands, "MAIL FROM:<bounce+%u@news.shop.example.org> SIZE=%u BODY=8BITMIME\r\n",
	    dice(1000000), 2000 + dice(40000));
	add(&replies, "250 2.1.0 Ok\r\n");
	for (unsigned int i = 0; i < recipients; i++)
		add_recipient(&commands, &replies, habits);
	if (!(habits & HABIT_UNANSWERED)) {
		add(&commands, "DATA\r\n");
		add(&replies, "354 End data with <CR><LF>.<CR><LF>\r\n");
	}
	say_bytes(recording, FROM_CLIENT, commands.bytes, commands.length);
	if (habits & HABIT_UNANSWERED)
		return;
	say_bytes(recording, FROM_SERVER, replies.bytes, replies.length);
	say(recording, FROM_CLIENT, "Subject: offer\r\n\r\nBuy now, and buy a lot.\r\n.\r\n");
	say(recording, FROM_SERVER, "250 2.0.0 Ok: queued as 4VxQ9k3WzPz1Xyz\r\n");
}

static void bye(struct recording *recording)
{
	say(recording, FROM_CLIENT, "QUIT\r\n");
	say(recording, FROM_SERVER, "221 2.0.0 Bye\r\n");
}

static void pipelined(struct recording *recording)
{
	greet(recording);
	for (unsigned int i = 0; i < TRANSACTIONS; i++)
		transaction(recording, RECIPIENTS, HABIT_USUAL);
	bye(recording);
}

/* A command a piece, by a client that waits: most sessions are like that. */
static void one_by_one(struct recording *recording)
{
	char line[128], address[96];

	greet(recording);
	say(recording, FROM_CLIENT, "MAIL FROM:<www-data@shop.example.org> SIZE=4021\r\n");
	say(recording, FROM_SERVER, "250 2.1.0 Ok\r\n");
	make_address_text(address, next_domain(false));
	snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", address);
	say(recording, FROM_CLIENT, line);
	say(recording, FROM_SERVER, "250 2.1.5 Ok\r\n");
	transaction(recording, 0, HABIT_USUAL);
	bye(recording);
}

static void refused(struct recording *recording)
{
	greet(recording);
	for (unsigned int i = 0; i < TRANSACTIONS; i++)
		transaction(recording, RECIPIENTS, HABIT_REFUSED);
}

static void domains_all(struct recording *recording)
{
	greet(recording);
	for (unsigned int i = 0; i < TRANSACTIONS; i++)
		transaction(recording, RECIPIENTS, HABIT_DOMAINS);
}

/* Bytes of the server's are missing, and then it says nothing: the queue is full and every command is in doubt. */
static void unanswered(struct recording *recording)
{
	greet(recording);
	tap_missing(recording->tap, FROM_SERVER, 100);
	for (unsigned int i = 0; i < TRANSACTIONS; i++)
		transaction(recording, RECIPIENTS, HABIT_UNANSWERED);
}

static void single_bytes(struct recording *recording)
{
	recording->segment = 1;
	greet(recording);
	for (unsigned int i = 0; i < 4; i++)
		transaction(recording, RECIPIENTS, HABIT_USUAL);
}

/* Every byte a line. */
static void line_feeds(struct recording *recording)
{
	char lines[4096];

	memset(lines, '\n', sizeof(lines));
	greet(recording);
	for (unsigned int i = 0; i < 10; i++)
		say_bytes(recording, FROM_CLIENT, lines, sizeof(lines));
}

static void endless_line(struct recording *recording)
{
	char line[4096];

	memset(line, '<', sizeof(line));
	greet(recording);
	say(recording, FROM_CLIENT, "RCPT TO:");
	for (unsigned int i = 0; i < 32; i++)
		say_bytes(recording, FROM_CLIENT, line, sizeof(line));
}

/* Quotes to be matched and escapes to be skipped, up to the limit of a line. */
static void quoted(struct recording *recording)
{
	char line[1024];

	greet(recording);
	memset(line, '\\', sizeof(line));
	memcpy(line, "RCPT TO:<\"", 10);
	memcpy(line + sizeof(line) - 8, "\"@x.y>\r\n", 8);
	for (unsigned int i = 0; i < 100; i++)
		say_bytes(recording, FROM_CLIENT, line, sizeof(line));
}

static const struct sample {
	const char *name;
	void (*record)(struct recording *recording);
} samples[] = {
	{"pipelined", pipelined},   {"one by one", one_by_one},	    {"refused", refused},
	{"domains", domains_all},   {"unanswered", unanswered},	    {"single bytes", single_bytes},
	{"line feeds", line_feeds}, {"endless line", endless_line}, {"quoted", quoted},
};

/* A timed piece of work, and the time that each run of it took, in ns. */
struct timing {
	double *chunks;
	size_t count;
	double total, runs;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The median of one run in ns. `work` is run until a chunk is long enough to be timed, and chunks until the seconds are over. */
static double measure(void (*work)(void *context), void *context, double seconds,
		      struct timing *timing)
{
	unsigned int runs = 1;
	uint64_t began, took;

	timing->count = 0;
	timing->total = timing->runs = 0;
	while (timing->count < CHUNKS_MAX && timing->total < seconds * 1e9) {
		began = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		for (unsigned int i = 0; i < runs; i++)
			work(context);
		took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - began;
		if (took < CHUNK_LEAST && !timing->count) {
			runs *= 2; /* warm then, too */
			continue;
		}
		timing->chunks[timing->count++] = (double)took / runs;
		timing->total += (double)took;
		timing->runs += runs;
	}
	qsort(timing->chunks, timing->count, sizeof(timing->chunks[0]), compare);
	return timing->chunks[timing->count / 2];
}

static void feed(void *context)
{
	static struct session session;
	const struct recording *recording = context;

	session_init(&session, 25, NULL, NULL, NULL);
	for (size_t at = 0; at < recording->used;) {
		const struct event_data *data =
			(const struct event_data *)(recording->records + at);

		session_data(&session, (enum event_direction)data->direction, data->offset,
			     data->bytes, data->length, data->withheld, (enum withheld)data->why,
			     data->flags);
		at += (data->head.size + 7) & ~7u;
	}
	session_end(&session);
	if (!session.facts.smtp)
		fail("a sample is not SMTP");
}

static void bench_commands(const struct sample *sample, double seconds, struct timing *timing)
{
	struct recording recording;
	double median, client, both;

	recording_start(&recording, 25);
	sample->record(&recording);
	recording_end(&recording);
	client = (double)recording.said[FROM_CLIENT];
	both = client + (double)recording.said[FROM_SERVER];
	median = measure(feed, &recording, seconds, timing);
	printf("{\"bench\":\"commands\",\"sample\":\"%s\",\"bytes\":%.0f,\"seconds\":%.3f,"
	       "\"gb_per_s\":%.3f,\"client_bytes\":%.0f,\"client_gb_per_s\":%.3f}\n",
	       sample->name, both * timing->runs, timing->total / 1e9, both / median,
	       client * timing->runs, client / median);
	fflush(stdout);
	free(recording.records);
}

/* All frames of one connection: its OPEN, ESTABLISHED, what is said, CLOSED. */
struct recorded {
	struct made_who who;
	struct event_state established, closed;
	struct event_data *said[FRAMES_MAX];
	unsigned int count;
	struct recording recording;
};

struct dialogues {
	struct recorded all[SMTP_SCRIPTS];
	struct table *table;
	uint64_t cookie, time;
	uint64_t ended;
};

static void record_dialogue(struct recorded *dialogue, const struct dialogue *script)
{
	struct recording *recording = &dialogue->recording;
	uint16_t port = script->port;

	recording_start(recording, port);
	for (const struct turn *turn = script->turns; turn->bytes; turn++)
		say_bytes(recording, turn->from, turn->bytes, turn->length);
	recording_end(recording);
	for (size_t at = 0; at < recording->used;) {
		struct event_data *data = (struct event_data *)(recording->records + at);

		if (dialogue->count == FRAMES_MAX)
			fail("a script is too long");
		dialogue->said[dialogue->count++] = data;
		at += (data->head.size + 7) & ~7u;
	}
	make_who(&dialogue->who, EVENT_OPEN, 0, 0);
	make_state(&dialogue->established, 0, 0, TRANSITION_ESTABLISHED, 0);
	make_state(&dialogue->closed, 0, 0, TRANSITION_CLOSED, 0);
	dialogue->who.open.ends.remote_port = port;
	dialogue->established.ends.remote_port = dialogue->closed.ends.remote_port = port;
}

/* From one of 20 programs to one of 250 hosts. */
static void open_connection(struct dialogues *dialogues, struct recorded *dialogue, uint64_t cookie)
{
	struct event_open *open = &dialogue->who.open;

	open->head.cookie = cookie;
	open->head.time = dialogues->time += 50000;
	open->who.tgid = 1000 + cookie % 500;
	open->who.exe_inode = 1000 + cookie % 20;
	open->ends.remote[15] = dialogue->established.ends.remote[15] =
		dialogue->closed.ends.remote[15] = (uint8_t)(1 + cookie % 250);
	if (table_frame(dialogues->table, FRAME_WHO, &dialogue->who, dialogue->who.size))
		fail("the table refuses an OPEN");
}

static void give(struct dialogues *dialogues, struct event_head *head, uint64_t cookie)
{
	head->cookie = cookie;
	head->time = dialogues->time += 1000;
	if (table_frame(dialogues->table, FRAME_EVENT, head, head->size))
		fail("the table refuses a record");
}

/* GROUP connections of each dialogue; each says its next piece after all others of the group have. */
static void converse(void *context)
{
	struct dialogues *dialogues = context;

	for (size_t n = 0; n < SMTP_SCRIPTS; n++) {
		struct recorded *dialogue = &dialogues->all[n];
		uint64_t first = dialogues->cookie;

		dialogues->cookie += GROUP;
		for (uint64_t i = first; i < dialogues->cookie; i++)
			open_connection(dialogues, dialogue, i);
		for (uint64_t i = first; i < dialogues->cookie; i++)
			give(dialogues, &dialogue->established.head, i);
		for (unsigned int said = 0; said < dialogue->count; said++)
			for (uint64_t i = first; i < dialogues->cookie; i++)
				give(dialogues, &dialogue->said[said]->head, i);
		for (uint64_t i = first; i < dialogues->cookie; i++)
			give(dialogues, &dialogue->closed.head, i);
	}
}

static void on_end(void *context, const struct connection *connection)
{
	struct dialogues *dialogues = context;

	if (!connection->session || connection->reason != CONNECTION_CLOSED)
		fail("a connection is not known to the end");
	dialogues->ended++;
}

static void bench_dialogues(double seconds, struct timing *timing)
{
	static struct dialogues dialogues;
	struct table_options options = {.context = &dialogues, .on_end = on_end};
	struct config *config = config_default();
	const double connections = GROUP * SMTP_SCRIPTS;
	double median;

	for (size_t n = 0; n < SMTP_SCRIPTS; n++)
		record_dialogue(&dialogues.all[n], &smtp_scripts[n]);
	options.judge = config ? judge_new(config) : NULL;
	dialogues.table = options.judge ? table_new(&options) : NULL;
	if (!dialogues.table)
		fail("out of memory");
	dialogues.time = 1000 * UINT64_C(1000000000);
	median = measure(converse, &dialogues, seconds, timing);
	printf("{\"bench\":\"dialogues\",\"connections\":%llu,\"seconds\":%.3f,"
	       "\"connections_per_s\":%.0f}\n",
	       (unsigned long long)dialogues.ended, timing->total / 1e9,
	       connections / median * 1e9);
	table_free(dialogues.table);
	judge_free(options.judge);
	config_free(config);
	for (size_t n = 0; n < SMTP_SCRIPTS; n++)
		free(dialogues.all[n].recording.records);
}

int main(int argc, char **argv)
{
	struct timing timing = {.chunks = malloc(CHUNKS_MAX * sizeof(double))};
	double seconds = 1;
	const char *only = NULL;

	if (!timing.chunks)
		fail("out of memory");
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
			seconds = strtod(argv[++i], NULL);
		else
			only = argv[i];
	}
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		if (!only || !strcmp(only, "commands") || !strcmp(only, samples[i].name))
			bench_commands(&samples[i], seconds, &timing);
	if (!only || !strcmp(only, "dialogues"))
		bench_dialogues(seconds, &timing);
	free(timing.chunks);
	return 0;
}
