/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * process.h - a process as a record tells it: decoded identity, enrichment, and what the cgroup path says
 *
 * Pure: made from the bytes of one FRAME_WHO. Texts are hostile bytes with a length; present/ escapes them.
 */
#ifndef SMTPSNOOP_PROCESS_H
#define SMTPSNOOP_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "base/bytes.h"
#include "base/frame.h"

/* One allocation; every pointer leads into it. */
struct process {
	struct event_identity id;
	struct enrichment extra;
	bool small; /* EVENT_F_SMALL: exe, cwd, cgroup and argv are empty because they are not known */
	struct bytes
		exe; /* as a path, "/usr/bin/perl"; "[...]/x" if IDENTITY_EXE_CUT; "memfd:name" for a memfd */
	struct bytes cwd;
	struct bytes cgroup; /* "/system.slice/cron.service" */
	struct bytes argv; /* arguments ended by NUL each (the last one perhaps not) */
	struct bytes unit; /* "php8.2-fpm.service", inside cgroup; empty = none */
	struct bytes container; /* container id or name, inside cgroup; empty = none */
	const char *
		runtime; /* "docker", "podman", "containerd", "cri-o", "lxc", "systemd-nspawn", "kubernetes", NULL = none */
	struct bytes pod; /* Kubernetes pod uid */
	bool unit_claimed; /* unit is a name that a user or a container chose: to be shown, not trusted */
	bool container_claimed;
};

/*
 * Decodes the FRAME_WHO payload (struct enrichment, struct event_open). Checks every length. NULL with errno EBADMSG when
 * the bytes are no such record, ENOMEM. Free with process_free(); NULL is fine there.
 */
struct process *process_decode(const void *payload, size_t size);
void process_free(struct process *process);

/*
 * Writes a record's leaf-first path ("perl\0bin\0usr\0") turned round ("/usr/bin/perl") and returns its length; nothing for no
 * components. `out` has room for raw.length + PROCESS_TURN_EXTRA. cut: the beginning is missing, "[...]" stands for it.
 */
#define PROCESS_TURN_EXTRA 8
size_t process_turn_path(char *out, struct bytes raw, bool cut);

/* The n-th argument (0 = argv[0]); length 0 and at NULL when there is none. */
struct bytes process_argument(const struct process *process, unsigned int n);

/* The executable's file name, a memfd's without "memfd:"; nothing when it is not known. */
struct bytes process_file_name(const struct process *process);

/* Name of the executable: the last component of exe ("memfd:name" whole), else comm. */
struct bytes process_name(const struct process *process);

#endif
