/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_hiding.c - what could hide connections from us, in words
 *
 * Names are the processes' own claims, and whatever who loaded a program liked: escaped. Nothing is fatal.
 */
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <string.h>

#include "base/escape.h"
#include "present/label.h"
#include "present/text_hiding.h"

#define SHOWN 8 /* programs or devices; --json has all that are kept */
#define ESCAPED(bytes) (4 * sizeof(bytes) + 1)

/* Of linux/bpf.h since 6.4; what we are built with may be older. */
#define PROG_TYPE_NETFILTER 32

const char *holds_name(uint32_t holds)
{
	return holds == HOLDS_PACKET ? "packet" : holds == HOLDS_XDP ? "xdp" : "raw";
}

const char *hiding_type(uint32_t type)
{
	switch (type) {
	case BPF_PROG_TYPE_CGROUP_SKB:
		return "cgroup_skb";
	case BPF_PROG_TYPE_CGROUP_SOCK:
		return "cgroup_sock";
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
		return "cgroup_sock_addr";
	case BPF_PROG_TYPE_SOCK_OPS:
		return "sock_ops";
	case BPF_PROG_TYPE_SCHED_CLS:
		return "sched_cls";
	case BPF_PROG_TYPE_SCHED_ACT:
		return "sched_act";
	case BPF_PROG_TYPE_XDP:
		return "xdp";
	case BPF_PROG_TYPE_LWT_IN:
		return "lwt_in";
	case BPF_PROG_TYPE_LWT_OUT:
		return "lwt_out";
	case BPF_PROG_TYPE_LWT_XMIT:
		return "lwt_xmit";
	case BPF_PROG_TYPE_LWT_SEG6LOCAL:
		return "lwt_seg6local";
	case BPF_PROG_TYPE_SK_SKB:
		return "sk_skb";
	case BPF_PROG_TYPE_SK_MSG:
		return "sk_msg";
	case PROG_TYPE_NETFILTER:
		return "netfilter";
	default:
		return "";
	}
}

const char *hiding_place_name(uint32_t place)
{
	static const char *const names[PLACES] = {
		[PLACE_UNKNOWN] = "",
		[PLACE_CGROUP_EGRESS] = "cgroup egress",
		[PLACE_CGROUP_INGRESS] = "cgroup ingress",
		[PLACE_CGROUP_SOCKET] = "cgroup socket",
		[PLACE_CGROUP_SOCK_OPS] = "cgroup sock_ops",
		[PLACE_CGROUP_CONNECT] = "cgroup connect",
		[PLACE_TC] = "tc",
		[PLACE_TC_EGRESS] = "tc egress",
		[PLACE_TC_INGRESS] = "tc ingress",
		[PLACE_TCX_EGRESS] = "tcx egress",
		[PLACE_TCX_INGRESS] = "tcx ingress",
		[PLACE_NETKIT_PRIMARY] = "netkit primary",
		[PLACE_NETKIT_PEER] = "netkit peer",
		[PLACE_XDP] = "xdp",
		[PLACE_NETFILTER] = "netfilter",
	};

	return place < PLACES ? names[place] : "";
}

const char *hiding_tun(uint32_t type)
{
	return type == IFF_TUN ? "tun" : type == IFF_TAP ? "tap" : "";
}

static void print_processes(const struct sockets_hiding *hiding, const struct text *text)
{
	char name[LABEL_NAMED], word[sizeof(name) + 48];
	struct line line;

	if (!hiding || !hiding->count)
		return;
	line_clear(&line);
	text_word(text, &line, "Could send past TCP, unseen by smtpsnoop:", 0, 0);
	for (unsigned int i = 0; i < hiding->count && i < LIMIT_HIDING; i++) {
		const struct event_holder *holder = &hiding->holders[i];

		label_named(name, sizeof(name), holder->comm, holder->tgid);
		snprintf(word, sizeof(word), "%s (%s)", name, holds_name(holder->holds));
		text_word(text, &line, word, 2, 1);
	}
	if (hiding->count > LIMIT_HIDING) {
		snprintf(word, sizeof(word), "and %u more", hiding->count - LIMIT_HIDING);
		text_word(text, &line, word, 2, 1);
	}
	text_put(text, &line);
}

/* Behind the name of an interface that is not this host's own. */
static void netns_words(char *out, size_t size, const struct frame_hiding *found)
{
	size_t used = strlen(out);

	if (found->elsewhere)
		snprintf(out + used, size - used, " in netns %" PRIu32, found->netns);
}

/* "tc egress on eth0", "cgroup egress of /system.slice/x.service", or the type. */
static void place_words(char *out, size_t size, const struct frame_hiding *found)
{
	const char *place = hiding_place_name(found->place);
	size_t used;

	if (!place[0]) {
		snprintf(out, size, "%s, attached somewhere or nowhere", hiding_type(found->type));
		return;
	}
	used = (size_t)snprintf(out, size, "%s", place);
	if (found->cgroup[0]) {
		used += (size_t)snprintf(out + used, size - used, " of ");
		escape_text(out + used, size - used, found->cgroup, strlen(found->cgroup), NULL);
	} else if (found->device[0]) {
		used += (size_t)snprintf(out + used, size - used, " on ");
		escape_text(out + used, size - used, found->device, strlen(found->device), NULL);
	} else if (found->ifindex) {
		snprintf(out + used, size - used, " on interface %" PRIu32, found->ifindex);
	}
	netns_words(out, size, found);
}

/* The same name at the same kind of place: what a service manager does for each service. */
static bool is_like(const struct frame_hiding *a, const struct frame_hiding *b)
{
	return a->kind == b->kind && a->place == b->place && a->type == b->type &&
	       memcmp(a->name, b->name, sizeof(a->name)) == 0;
}

/* How many are like it; 0 = it was told with one before. */
static unsigned int count_like(const struct hiding_places *places, unsigned int at)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < places->count; i++) {
		if (!is_like(&places->all[i], &places->all[at]))
			continue;
		if (i < at)
			return 0;
		count++;
	}
	return count;
}

static void program_words(char *out, size_t size, const struct frame_hiding *found,
			  unsigned int count)
{
	char name[ESCAPED(found->name)], where[ESCAPED(found->cgroup) + 64];

	escape_text(name, sizeof(name), found->name, strnlen(found->name, sizeof(found->name)),
		    NULL);
	place_words(where, sizeof(where), found);
	if (count > 1)
		snprintf(out, size, "\"%s\" (%s, and %u more such)", name, where, count - 1);
	else
		snprintf(out, size, "\"%s\" #%" PRIu32 " (%s)", name, found->id, where);
}

static void print_more(const struct text *text, struct line *line, unsigned int shown,
		       unsigned int number)
{
	char word[32];

	if (number > shown) {
		snprintf(word, sizeof(word), "and %u more", number - shown);
		text_word(text, line, word, 2, 1);
	}
	text_put(text, line);
}

/* over: those that found no room, here or in the other half. */
static void print_programs(const struct hiding_places *places, const struct text *text,
			   unsigned int over)
{
	char word[LINE_BYTES];
	unsigned int number = 0, shown = 0, told = 0;
	struct line line;

	for (unsigned int i = 0; i < places->count; i++)
		number += places->all[i].kind == HIDING_PROGRAM;
	if (!number)
		return;
	line_clear(&line);
	text_word(text, &line, "BPF programs of others that see packets or could change them:", 0,
		  0);
	for (unsigned int i = 0; i < places->count && shown < SHOWN; i++) {
		unsigned int count =
			places->all[i].kind == HIDING_PROGRAM ? count_like(places, i) : 0;

		if (!count)
			continue;
		program_words(word, sizeof(word), &places->all[i], count);
		text_whole(text, &line, word, 2, 1);
		shown++;
		told += count;
	}
	print_more(text, &line, told, number + over);
}

static void tun_words(char *out, size_t size, const struct frame_hiding *found)
{
	char device[ESCAPED(found->device) + 32], name[LABEL_NAMED];

	escape_text(device, sizeof(device), found->device, strlen(found->device), NULL);
	if (found->pid)
		label_named(name, sizeof(name), found->name, found->pid);
	else
		snprintf(name, sizeof(name), "nobody that is seen");
	netns_words(device, sizeof(device), found);
	snprintf(out, size, "%s (%s)", device, name);
}

static void print_tuns(const struct hiding_places *places, const struct text *text)
{
	char word[512];
	unsigned int number = 0, shown = 0;
	struct line line;

	line_clear(&line);
	for (unsigned int i = 0; i < places->count; i++) {
		if (places->all[i].kind != HIDING_TUN)
			continue;
		if (!number++)
			text_word(text, &line, "Tun devices, whose TCP is a program's own:", 0, 0);
		if (shown == SHOWN)
			continue;
		shown++;
		tun_words(word, sizeof(word), &places->all[i]);
		text_word(text, &line, word, 2, 1);
	}
	if (number)
		print_more(text, &line, shown, number);
}

void hiding_print(const struct snapshot_search *search, const struct text *text)
{
	char words[256];

	print_processes(search->hiding, text);
	if (search->places) {
		print_programs(search->places, text,
			       search->places->over +
				       (search->looked ? search->looked->hiding_over : 0));
		print_tuns(search->places, text);
	}
	if (search->looked && search->looked->programs_unknown) {
		snprintf(words, sizeof(words),
			 "Which BPF programs of others see packets is not known: %s (it takes "
			 "CAP_SYS_ADMIN).",
			 strerror((int)search->looked->programs_unknown));
		text_paragraph(text, words, 0);
	}
}
