/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_compare.c - evidence compared with its list, wherever it is kept
 *
 * The list may be anybody's: any bytes. Prints what it finds; nothing is fatal.
 */
#include "cmd/evidence_compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/msg.h"
#include "cmd/output.h"

#define SHOWN_BYTES 4096
#define NAME_AT (SHA256_DIGEST_STRING_LENGTH + 1) /* behind the digest and two blanks */

struct line {
	const char *name; /* all of a line that is none */
	const char *sum; /* NULL = it is none */
};

struct comparison {
	char *text;
	struct line *lines;
	size_t count;
	unsigned int good, bad, more;
};

static struct line read_line(char *text, size_t length)
{
	if (length <= NAME_AT || strlen(text) != length)
		return (struct line){text, NULL};
	text[SHA256_DIGEST_STRING_LENGTH - 1] = '\0';
	return (struct line){text + NAME_AT, text};
}

struct comparison *compare_new(char *text, size_t size)
{
	struct comparison *comparison = calloc(1, sizeof(*comparison));
	char *const end = text + size;
	size_t most = 1;

	for (const char *at = text; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		most++;
	if (comparison)
		comparison->lines = calloc(most, sizeof(*comparison->lines));
	if (!comparison || !comparison->lines) {
		free(comparison);
		return NULL;
	}
	comparison->text = text;
	for (char *at = text, *next; at < end; at = next + 1) {
		next = memchr(at, '\n', (size_t)(end - at));
		if (!next)
			next = end;
		*next = '\0';
		comparison->lines[comparison->count++] = read_line(at, (size_t)(next - at));
	}
	return comparison;
}

static int by_name(const void *a, const void *b)
{
	const struct line *left = a, *right = b;

	return strcmp(left->name, right->name);
}

void compare_listed(struct comparison *comparison, compare_fn *fn, void *context)
{
	char found[SHA256_DIGEST_STRING_LENGTH], shown[SHOWN_BYTES];
	size_t kept = 0;

	for (size_t i = 0; i < comparison->count; i++) {
		const struct line line = comparison->lines[i];
		int rc = line.sum ? fn(context, line.name, found) : -EINVAL;

		if (!rc && strcmp(found, line.sum) != 0)
			rc = -EBADMSG;
		if (rc) {
			escape_text(shown, sizeof(shown), line.name, strlen(line.name), NULL);
			printf("%s: %s\n", shown,
			       rc == -EBADMSG ? "not as it was kept" : strerror(-rc));
		}
		comparison->good += !rc;
		comparison->bad += rc != 0;
		if (line.sum)
			comparison->lines[kept++] = line;
	}
	comparison->count = kept;
	qsort(comparison->lines, kept, sizeof(comparison->lines[0]), by_name);
}

void compare_there(struct comparison *comparison, const char *name)
{
	const struct line wanted = {name, NULL};
	char shown[SHOWN_BYTES];

	if (bsearch(&wanted, comparison->lines, comparison->count, sizeof(wanted), by_name))
		return;
	escape_text(shown, sizeof(shown), name, strlen(name), NULL);
	printf("%s: not in the list\n", shown);
	comparison->more++;
}

int compare_end(struct comparison *comparison)
{
	int status =
		comparison->bad || !comparison->good || comparison->more ? EXIT_FAILED : EXIT_DONE;

	printf("%u files as they were kept, %u not, %u added\n", comparison->good, comparison->bad,
	       comparison->more);
	free(comparison->text);
	free(comparison->lines);
	free(comparison);
	return output_flush(stdout) ? status : EXIT_FAILED;
}
