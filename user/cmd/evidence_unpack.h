/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_unpack.h - an archive of evidence compared with the list in it; nothing is unpacked to anywhere
 */
#ifndef SMTPSNOOP_EVIDENCE_UNPACK_H
#define SMTPSNOOP_EVIDENCE_UNPACK_H

/* As evidence_verify(). Gives all rights up, for good. */
int evidence_unpack(const char *path);

#endif
