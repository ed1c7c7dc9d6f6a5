/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fragments.c - IP fragments put together
 *
 * A datagram has room for all it can hold from its first fragment on, and a bit for each eight bytes that have come. Out of memory
 * loses the datagram, which is counted; nothing is fatal.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "capture/fragments.h"

#define SECOND UINT64_C(1000000000)
#define DATAGRAM_MAX 65536
#define UNIT 8

struct datagram {
	struct datagram *next;
	uint8_t source[16], target[16];
	uint32_t id;
	uint8_t version, protocol;
	bool ended; /* the last fragment has come: `length` is known */
	uint32_t length, units; /* units that have come */
	uint64_t since;
	uint8_t come[DATAGRAM_MAX / UNIT / 8];
	uint8_t bytes[DATAGRAM_MAX];
};

struct fragments {
	struct datagram *oldest, **end;
	unsigned int count;
	uint64_t incomplete;
	struct datagram *given; /* the complete one that the caller is looking at */
};

struct fragments *fragments_new(void)
{
	struct fragments *fragments = calloc(1, sizeof(*fragments));

	if (fragments)
		fragments->end = &fragments->oldest;
	return fragments;
}

void fragments_free(struct fragments *fragments)
{
	if (!fragments)
		return;
	while (fragments->oldest) {
		struct datagram *datagram = fragments->oldest;

		fragments->oldest = datagram->next;
		free(datagram);
	}
	free(fragments->given);
	free(fragments);
}

/* Takes it out of the list, not out of memory. */
static void unlink_datagram(struct fragments *fragments, struct datagram **at)
{
	struct datagram *datagram = *at;

	*at = datagram->next;
	if (!*at)
		fragments->end = at;
	fragments->count--;
}

static void drop_oldest(struct fragments *fragments)
{
	struct datagram *datagram = fragments->oldest;

	unlink_datagram(fragments, &fragments->oldest);
	fragments->incomplete++;
	free(datagram);
}

static struct datagram **find(struct fragments *fragments, const struct packet_ip *ip)
{
	for (struct datagram **at = &fragments->oldest; *at; at = &(*at)->next) {
		const struct datagram *datagram = *at;

		/* RFC 8200 4.5 leaves the protocol out of the comparison, RFC 791 does not. */
		if (datagram->id == ip->id && datagram->version == ip->version &&
		    (ip->version == 6 || datagram->protocol == ip->protocol) &&
		    memcmp(datagram->source, ip->source, 16) == 0 &&
		    memcmp(datagram->target, ip->target, 16) == 0)
			return at;
	}
	return NULL;
}

static struct datagram **add(struct fragments *fragments, const struct packet_ip *ip, uint64_t now)
{
	struct datagram **at, *datagram;

	while (fragments->count >= LIMIT_FRAGMENTS)
		drop_oldest(fragments);
	datagram = malloc(sizeof(*datagram));
	if (!datagram) {
		fragments->incomplete++;
		return NULL;
	}
	memset(datagram, 0, offsetof(struct datagram, bytes));
	memcpy(datagram->source, ip->source, 16);
	memcpy(datagram->target, ip->target, 16);
	datagram->id = ip->id;
	datagram->version = ip->version;
	datagram->protocol = ip->protocol;
	datagram->since = now;
	at = fragments->end;
	*at = datagram;
	fragments->end = &datagram->next;
	fragments->count++;
	return at;
}

static void fill(struct datagram *datagram, const struct packet_ip *ip)
{
	for (uint32_t done = 0; done < ip->length; done += UNIT) {
		uint32_t unit = (ip->offset + done) / UNIT, left = ip->length - done;
		uint8_t bit = (uint8_t)(1 << unit % 8);

		if (datagram->come[unit / 8] & bit)
			continue;
		datagram->come[unit / 8] |= bit;
		datagram->units++;
		memcpy(datagram->bytes + ip->offset + done, ip->payload + done,
		       left < UNIT ? left : UNIT);
	}
	if (!ip->more && !datagram->ended) {
		datagram->ended = true;
		datagram->length = ip->offset + ip->length;
	}
	if (ip->offset == 0)
		datagram->protocol = ip->protocol;
}

/* Fragments beyond the end that the last one told make it none. */
static bool complete(const struct datagram *datagram)
{
	return datagram->ended && datagram->units == (datagram->length + UNIT - 1) / UNIT;
}

bool fragments_take(struct fragments *fragments, struct packet_ip *ip, uint64_t now)
{
	struct datagram **at, *datagram;

	while (fragments->oldest &&
	       now > fragments->oldest->since + LIMIT_FRAGMENT_SECONDS * SECOND)
		drop_oldest(fragments);
	/* What the snap length cut can't be put together; all but the last have whole units. */
	if (ip->captured < ip->length || ip->offset + ip->length > DATAGRAM_MAX ||
	    (ip->more && ip->length % UNIT) || !ip->length) {
		fragments->incomplete += ip->offset == 0;
		return false;
	}
	at = find(fragments, ip);
	if (!at)
		at = add(fragments, ip, now);
	if (!at)
		return false;
	datagram = *at;
	fill(datagram, ip);
	if (!complete(datagram))
		return false;
	unlink_datagram(fragments, at);
	free(fragments->given);
	fragments->given = datagram;
	ip->fragment = ip->more = false;
	ip->offset = 0;
	ip->protocol = datagram->protocol;
	ip->payload = datagram->bytes;
	ip->captured = ip->length = datagram->length;
	return true;
}

uint64_t fragments_incomplete(const struct fragments *fragments)
{
	return fragments->incomplete + fragments->count;
}
