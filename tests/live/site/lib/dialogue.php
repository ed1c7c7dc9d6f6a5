<?php
/* SPDX-License-Identifier: GPL-2.0-only */
/* dialogue.php - the part of a message that comes after EHLO; who connects and says EHLO is the file that includes this. */
function hear($stream)
{
	do {
		$line = fgets($stream);
	} while ($line !== false && ($line[3] ?? '') === '-');
}

function converse($stream, $from)
{
	hear($stream);
	foreach (["MAIL FROM:<$from>", 'RCPT TO:<b@victim.example>', 'DATA', "Subject: x\r\n\r\nhello\r\n.", 'QUIT'] as $line) {
		fwrite($stream, "$line\r\n");
		hear($stream);
	}
	fclose($stream);
}
