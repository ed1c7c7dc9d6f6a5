/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cgroup.h - what a cgroup path says: systemd unit, container, Kubernetes pod
 *
 * Pure. A path is a chain of names, and who may make the names changes on the way down: the components that the host's
 * root or its service manager made can be relied on; below user@UID.service, below a delegated service and inside a container
 * a name is only what that user or container calls itself. Such names are good for showing and never for trust: see the
 * *_claimed members.
 */
#ifndef SMTPSNOOP_CGROUP_H
#define SMTPSNOOP_CGROUP_H

#include <stdbool.h>

#include "base/bytes.h"

struct cgroup_facts {
	struct bytes unit; /* "php8.2-fpm.service", "session-3.scope"; empty = none */
	struct bytes container; /* id or name; empty = none */
	struct bytes pod; /* uid of a Kubernetes pod, with the path's underscores or dashes */
	const char *
		runtime; /* "docker", "podman", "containerd", "cri-o", "lxc", "systemd-nspawn", "kubernetes"; NULL = none */
	bool unit_claimed; /* unit is a name below a user manager or inside a container */
	bool container_claimed; /* container is a name below a service or scope, which may be delegated */
};

/* All results lead into `path` ("/system.slice/cron.service", any bytes). */
void cgroup_read(struct bytes path, struct cgroup_facts *facts);

/*
 * Is it the container that the configuration means? Its name or whole id, or the first 12 digits of the id or more, which is what
 * people copy from "docker ps".
 */
bool cgroup_container_is(struct bytes container, const char *wanted);

#endif
