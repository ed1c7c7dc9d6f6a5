// SPDX-License-Identifier: GPL-2.0-only
// send.js HOST PORT HELO FROM RCPT - one message in lock-step over net.Socket.
const [host, port, helo, from, to] = process.argv.slice(2);
const lines = [`EHLO ${helo}`, `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA',
	'Subject: x\r\n\r\nhello\r\n.', 'QUIT'];
const socket = require('net').connect(Number(port), host);
let text = '';
socket.on('data', (data) => {
	text += data;
	if (/^\d{3} .*\r\n$/m.test(text)) {
		text = '';
		if (lines.length) socket.write(lines.shift() + '\r\n');
		else socket.end();
	}
});
