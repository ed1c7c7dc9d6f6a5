// SPDX-License-Identifier: GPL-2.0-only
/*
 * output.bpf.c - builds records and puts them into the ring, or counts that it could not
 *
 * Every attempt is counted exactly once, as delivered or as counted only. A connection whose OPEN record found no room says
 * nothing more: its facts stay in the loss table, and the ring is left to those that were begun.
 */
#include "output.bpf.h"

/* Of `current`, or of the small identity: a function of its own, which takes no task. */
__noinline int output_open(struct watch *watch, __u32 flags)
{
	return watch ? open_write(watch, flags, current_task(), true) : 0;
}

/* Somebody else writes: `current`. talk's counts are still those of the sender before. */
__noinline int output_sender(struct talk *talk)
{
	struct scratch *scratch;
	__u32 length;
	long full = -1;

	if (!talk)
		return 0;
	scratch = ring_has(settings.ring_for_open) ? scratch_take() : NULL;
	if (scratch) {
		struct event_open *open = &scratch->open;

		__builtin_memset(open, 0, __builtin_offsetof(struct event_open, text));
		length = identity_fill(scratch, current_task(), true);
		if (length > EVENT_TEXT_MAX)
			length = EVENT_TEXT_MAX;
		length += __builtin_offsetof(struct event_open, text);
		fill_head(&open->head, talk, EVENT_SENDER, length);
		open->sends = talk->sends;
		open->sent_bytes = talk->sent_bytes;
		open->ends = talk->ends;
		full = bpf_ringbuf_output(&events, open, length, 0);
		scratch_return(scratch);
	}
	if (full)
		COUNT(senders_lost, 1);
	return 0;
}

__noinline int output_state(struct watch *watch, __u32 transition, __u32 error,
			    struct progress *progress)
{
	struct scratch *scratch;
	struct talk *talk;
	long full = -1;

	if (!watch || !progress)
		return 0;
	scratch = scratch_take();
	if (scratch) {
		struct event_state *state = &scratch->state;

		__builtin_memset(state, 0, sizeof(*state));
		fill_head(&state->head, &watch->talk, EVENT_STATE, sizeof(*state));
		state->ends = watch->talk.ends;
		state->transition = transition;
		state->error = error;
		state->bytes_out = progress->bytes_out;
		state->bytes_in = progress->bytes_in;
		state->retransmits = progress->retransmits;
		state->how = progress->how;
		talk = &watch->talk;
		if (settings.use_talks) {
			__u64 key = watch->talk.sock;

			talk = bpf_map_lookup_elem(&talks, &key);
			if (!talk)
				talk = &watch->talk;
		}
		state->sends = talk->sends;
		state->sent_bytes = talk->sent_bytes;
		state->senders = talk->senders;
		state->lost_bytes = watch->lost_bytes;
		state->found = watch->gate.found;
		full = bpf_ringbuf_output(&events, state, sizeof(*state), 0);
		scratch_return(scratch);
	}
	if (full)
		COUNT(states_lost, 1);
	return 0;
}

/* Says what was withheld from one direction since the last record. */
__noinline int output_note(struct watch *watch, __u32 direction)
{
	struct event_data *data;
	struct scratch *scratch;
	struct stream *stream;
	__u64 withheld;
	long full = -1;

	if (!watch)
		return 0;
	stream = direction == FROM_SERVER ? &watch->streams[1] : &watch->streams[0];
	/* The other direction's program may be saying the same on another CPU: who takes the count says it. */
	if (!(watch->flags & WATCH_OPEN))
		return 0;
	withheld = __sync_lock_test_and_set(&stream->withheld, 0);
	if (!withheld)
		return 0;
	scratch = scratch_take();
	if (scratch) {
		data = &scratch->data;
		__builtin_memset(data, 0, __builtin_offsetof(struct event_data, bytes));
		fill_head(&data->head, &watch->talk, EVENT_DATA,
			  __builtin_offsetof(struct event_data, bytes));
		data->offset = stream->offset - withheld;
		data->withheld = withheld;
		data->why = stream->why;
		data->flags = stream->flags;
		data->direction = direction;
		full = bpf_ringbuf_output(&events, data,
					  __builtin_offsetof(struct event_data, bytes), 0);
		scratch_return(scratch);
	}
	stream->flags = 0;
	if (full)
		COUNT(data_lost, 1);
	return 0;
}
