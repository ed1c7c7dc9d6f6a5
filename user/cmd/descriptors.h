/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * descriptors.h - how many files we may have open
 */
#ifndef SMTPSNOOP_DESCRIPTORS_H
#define SMTPSNOOP_DESCRIPTORS_H

#include <stdbool.h>

/* As many as are needed, if that is allowed. False = there are too few, which has been said. */
bool descriptors_raise(void);

#endif
