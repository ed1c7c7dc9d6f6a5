/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_html_style.c - how a report's page looks, and what it may load
 *
 * No script, no picture, no font, no form, no address but its own: the policy allows one style sheet, by its hash, so that nothing that
 * found its way into the text could be taken for another. Colours are told apart with any kind of sight (blue, orange, dark brown),
 * never alone, and have the contrast of WCAG 2 AA on both grounds. Nothing is fatal.
 */
#include "present/report_html.h"

#include <sha2.h>
#include <string.h>

/* Without & and <: the same characters in HTML and in XML. */
static const char style[] =
	":root{color-scheme:light "
	"dark;--page:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d3d9df;--band:#f4f6f8;"
	"--past:#c77700;--refused:#8f2d06;--own:#0072b2;--gap:#818b95;--alarm:#93300a;--doubt:#"
	"6f4e00}\n"
	"@media "
	"(prefers-color-scheme:dark){:root{--page:#14171a;--ink:#e4e7ea;--soft:#a2acb6;--line:#"
	"363c43;"
	"--band:#1d2125;--past:#e8a33d;--refused:#e0582b;--own:#56b4e9;--gap:#7d8791;--alarm:#"
	"ff9466;"
	"--doubt:#e3b341}}\n"
	"*{box-sizing:border-box}\n"
	"html{-webkit-text-size-adjust:100%;text-size-adjust:100%}\n"
	"body{margin:0;background:var(--page);color:var(--ink);"
	"font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation "
	"Sans',sans-serif}\n"
	"main{max-width:1060px;margin:0 auto;padding:28px 24px 40px}\n"
	"h1{font-size:1.75rem;line-height:1.2;margin:.1em 0 .5em;letter-spacing:-.01em}\n"
	"h2{font-size:1.15rem;line-height:1.3;margin:2.4em 0 .5em;padding-top:.7em;border-top:1px "
	"solid var(--line)}\n"
	"h3{font-size:1rem;margin:1.6em 0 .4em}\n"
	"p{margin:.4em 0;max-width:76ch}\n"
	"align:bottom}\n"
	"bdi,td,th,dd,li,p{overflow-wrap:anywhere}\n"
	/* Chromium does not break an isolated word behind others, whatever overflow-wrap says. */
	"p .long,dd .long{word-break:break-all}\n"
	".kicker,.note,.meta,footer,figcaption{color:var(--soft);font-size:.87rem}\n"
	".kicker{margin:0}\n"
	".lead{font-size:1.1rem;max-width:72ch}\n"
	".lead b{font-weight:650}\n"
	".about{display:grid;grid-template-columns:max-content 1fr;gap:.15em 1.2em;margin:1.2em 0 "
	"0;font-size:.9rem}\n"
	".about dt{color:var(--soft)}\n"
	".about dd{margin:0;min-width:0}\n"
	".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));margin:1.4em "
	"0 0;"
	"padding:0 1px 1px 0;list-style:none}\n"
	".tiles li{margin:0 -1px -1px 0;border:1px solid var(--line);padding:.6em .9em .5em;"
	"font-size:.85rem;line-height:1.35;color:var(--soft)}\n"
	".tiles b{display:block;font-size:1.45rem;line-height:1.3;font-weight:600;color:var(--ink);"
	"font-variant-numeric:tabular-nums}\n"
	".box{overflow-x:auto;margin:.7em 0}\n"
	".box:focus-visible{outline:2px solid var(--own);outline-offset:2px}\n"
	"table{border-collapse:collapse;width:100%;font-size:.9rem;line-height:1.4}\n"
	"th,td{padding:.4em .5em;text-align:left;vertical-align:top;border-bottom:1px solid "
	"var(--line);font-weight:400}\n"
	"th:first-child,td:first-child{padding-left:0}\n"
	"th:last-child,td:last-child{padding-right:0}\n"
	"thead th,thead "
	"td{vertical-align:bottom;color:var(--soft);font-size:.82rem;line-height:1.25;"
	"border-bottom:1px solid var(--soft)}\n"
	"tbody th{min-width:15em}\n"
	".short th{min-width:7em}\n"
	".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
	"thead .n{white-space:normal}\n"
	"thead th{overflow-wrap:normal}\n"
	".t{white-space:nowrap;font-variant-numeric:tabular-nums}\n"
	".w{min-width:18em}\n"
	".rest th,.rest td{color:var(--soft)}\n"
	".name{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans "
	"Mono',monospace;font-size:.92em}\n"
	".who{width:34%}\n"
	".meta{display:block;margin-top:.1em}\n"
	".v{font-weight:650;white-space:nowrap}\n"
	".v-bypass,.v-impostor{color:var(--alarm)}\n"
	".v-unknown{color:var(--doubt)}\n"
	".v-impostor{text-decoration:underline}\n"
	".cut{color:var(--soft)}\n"
	".bar{display:block;width:60px;height:10px;margin-top:.35em}\n"
	".past{fill:var(--past)}.refused{fill:var(--refused)}.own{fill:var(--own)}.doubt{fill:var(-"
	"-gap)}\n"
	"figure{margin:.6em 0}\n"
	".chart{display:block;width:100%;height:auto}\n"
	".chart text{font-size:11px;font-family:inherit;fill:var(--soft)}\n"
	".chart .head{fill:var(--ink);font-size:12px}\n"
	".chart .head{paint-order:stroke;stroke:var(--page);stroke-width:5px}\n"
	".chart line,.chart path{stroke:var(--line);stroke-width:1;fill:none}\n"
	".chart .base{stroke:var(--soft)}\n"
	".chart .hatch,.key .hatch{stroke:var(--gap);stroke-width:1.4;fill:none}\n"
	".narrow{display:none}\n"
	".legend{margin:.3em 0;padding:0;list-style:none;display:flex;flex-wrap:wrap;gap:.1em "
	"1.4em}\n"
	".key{display:inline-block;width:12px;height:12px;margin-right:.45em;vertical-align:-1px}\n"
	"details{margin:.6em 0}\n"
	"summary{cursor:pointer;color:var(--soft);font-size:.9rem}\n"
	".missing{padding-left:1.1em;margin:.5em 0;max-width:80ch}\n"
	".missing li{margin:.25em 0}\n"
	".how{display:grid;grid-template-columns:max-content 1fr;gap:.4em "
	"1.4em;font-size:.92rem;max-width:86ch}\n"
	".how dd{margin:0;min-width:0}\n"
	"footer{margin-top:2.4em;padding-top:.8em;border-top:1px solid var(--line)}\n"
	".two{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:0 2.6em}\n"
	".two .bar{width:48px}.two th,.two td{padding-left:.4em;padding-right:.4em}\n"
	".two th:first-child{padding-left:0}\n"
	"@media (max-width:900px){.two{grid-template-columns:minmax(0,1fr)}}\n"
	"@media (max-width:640px){main{padding:18px 14px 28px}h1{font-size:1.4rem}"
	".lead{font-size:1.02rem}.tiles{grid-template-columns:1fr 1fr}"
	".wide{display:none}.narrow{display:block}.who{width:auto}tbody th{min-width:12em}"
	"th .long{word-break:break-all}.about,.how{grid-template-columns:minmax(0,1fr)}"
	".about dd,.how dd{margin-bottom:.4em}}\n"
	"@page{margin:14mm 12mm}\n"
	"@media "
	"print{:root{color-scheme:light;--page:#fff;--ink:#000;--soft:#444;--line:#bbb;--band:#fff;"
	"--past:#c77700;"
	"--refused:#8f2d06;--own:#0072b2;--gap:#666;--alarm:#93300a;--doubt:#6f4e00}"
	"html{font-size:9.5pt}body{font-size:1rem}main{max-width:none;padding:0}.box{overflow:"
	"visible}"
	".tiles{grid-template-columns:repeat(3,1fr)}.wide{display:block}.narrow,details{display:"
	"none}.two{display:block}"
	"table{font-size:.86rem}th,td{padding:.25em .5em}tbody th{min-width:0}.w{min-width:0}"
	"h2,h3,h2+.note,thead{break-after:avoid}tr,figure,.tiles,li{break-inside:avoid}"
	".bar,.key,.chart{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n";

/* RFC 4648; 32 bytes leave two over. */
static void base64(char *out, const uint8_t *bytes, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16;

		three |= i + 1 < length ? (uint32_t)bytes[i + 1] << 8 : 0;
		three |= i + 2 < length ? bytes[i + 2] : 0;
		*out++ = digits[three >> 18];
		*out++ = digits[three >> 12 & 63];
		*out++ = i + 1 < length ? digits[three >> 6 & 63] : '=';
		*out++ = i + 2 < length ? digits[three & 63] : '=';
	}
	*out = '\0';
}

void report_html_style(FILE *out)
{
	uint8_t sum[SHA256_DIGEST_LENGTH];
	char hash[SHA256_DIGEST_LENGTH / 3 * 4 + 8];
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, (const uint8_t *)style, strlen(style));
	SHA256Final(sum, &context);
	base64(hash, sum, sizeof(sum));
	fprintf(out,
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\"/>\n",
		hash);
	fprintf(out, "<style>%s</style>\n", style);
}
