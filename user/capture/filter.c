/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter.c - a BPF filter expression, compiled for each link type that is read
 *
 * An expression that no link type takes is wrong; one that some don't take (there is no "ether" in raw IP) lets nothing pass there.
 */
#include "capture/filter.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/library.h"

#define SNAP_LENGTH 262144 /* libpcap's own most */

static const int links[] = {DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW,
			    DLT_NULL,	DLT_LOOP,      DLT_IPV4,       DLT_IPV6};
#define LINK_COUNT (sizeof(links) / sizeof(links[0]))

struct filter {
	const struct library *library;
	struct bpf_program programs[LINK_COUNT];
	bool compiled[LINK_COUNT];
};

static bool compile(struct filter *filter, size_t n, const char *expression, char *error,
		    size_t error_size)
{
	const struct library *library = filter->library;
	pcap_t *pcap = library->open_dead(links[n], SNAP_LENGTH);

	if (!pcap) {
		snprintf(error, error_size, "out of memory");
		return false;
	}
	filter->compiled[n] = library->compile(pcap, &filter->programs[n], expression, 1,
					       PCAP_NETMASK_UNKNOWN) == 0;
	if (!filter->compiled[n])
		snprintf(error, error_size, "%s", library->geterr(pcap));
	library->close(pcap);
	return filter->compiled[n];
}

struct filter *filter_new(const char *expression, char *error, size_t error_size)
{
	struct filter *filter = calloc(1, sizeof(*filter));
	bool any = false;

	if (!filter) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	filter->library = library_get(error, error_size);
	if (!filter->library) {
		free(filter);
		return NULL;
	}
	for (size_t n = LINK_COUNT; n-- > 0;) /* what Ethernet has to say comes last */
		any |= compile(filter, n, expression, error, error_size);
	if (any)
		return filter;
	filter_free(filter);
	return NULL;
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	for (size_t n = 0; n < LINK_COUNT; n++)
		if (filter->compiled[n])
			filter->library->freecode(&filter->programs[n]);
	free(filter);
}

bool filter_passes(const struct filter *filter, const struct file_packet *packet)
{
	if (!filter)
		return true;
	for (size_t n = 0; n < LINK_COUNT; n++)
		if (links[n] == packet->link)
			return filter->compiled[n] &&
			       filter->library->offline_filter(&filter->programs[n], packet->header,
							       packet->bytes);
	return false;
}
