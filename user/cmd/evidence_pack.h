/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence_pack.h - a directory of evidence made one file
 */
#ifndef SMTPSNOOP_EVIDENCE_PACK_H
#define SMTPSNOOP_EVIDENCE_PACK_H

#define EVIDENCE_PACKED ".packed" /* the archive, in the directory, until it gets its name */

/* The longest name that ustar has room for in one piece, with a '/' or a NUL at its end. */
#define EVIDENCE_TOP_BYTES 100

/* Makes it, for root alone, and syncs it. Everything in it is below the folder `top`. 0 or -errno. */
int evidence_pack(int directory, const char *top);

#endif
