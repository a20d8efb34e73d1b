package steps_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// webSite is where the domain's own web site answers.
const webSite = "192.0.2.70"

// laidOut puts one HTTPS server into the lab that answers in place of the policy
// host, at both its addresses, and of the domain's web site. Its certificate is for
// names.
func laidOut(t *testing.T, l *lab.Lab, serve http.HandlerFunc, names ...string) {
	t.Helper()
	cert, err := l.Issue(names...)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: serve, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.ServeTLS(ln, "", "") }()
	t.Cleanup(func() { server.Close(); <-done })
	for _, ip := range append(l.PolicyAddresses(), netip.MustParseAddr(webSite)) {
		l.Lay("tcp", netip.AddrPortFrom(ip, 443), ln.Addr().String())
	}
	set(t, l, l.Domain(), "A", webSite)
	set(t, l, mtasts.PolicyHost(l.Domain()), "A", l.PolicyAddresses()[0].String())
	set(t, l, mtasts.PolicyHost(l.Domain()), "AAAA", l.PolicyAddresses()[1].String())
}

// file serves text at one path of one host, and 404 anywhere else.
func file(at, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Host+r.URL.Path != at {
			w.Header().Set("Server", "nginx/1.22.1")
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(text))
	}
}

// with serves text at the right place under header lines.
func with(text string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		_, _ = w.Write([]byte(text))
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

const enforceBody = "version: STSv1\r\nmode: enforce\r\nmx: mx1.corp.test\r\nmx: mx2.corp.test\r\nmax_age: 86400\r\n"

// Each way in which a policy put up by hand goes wrong is told by its name while it
// is waited for, with what to correct.
func TestSeeNamesMistakesOfTheBody(t *testing.T) {
	const here = "mta-sts.corp.test/.well-known/mta-sts.txt"
	lf := strings.ReplaceAll(enforceBody, "\r\n", "\n")
	for _, row := range []struct {
		shows string
		serve http.HandlerFunc
		names []string // of the certificate; the policy host's and the site's if none
		code  finding.Code
		says  string // in the title, the detail or the mend
	}{
		{"a byte order mark", file(here, "\ufeff"+enforceBody), nil, "C01", "byte order mark"},
		{"UTF-16", file(here, "\xff\xfev\x00e\x00"), nil, "C03", "UTF-16"},
		{"a web page as text", file(here, "<!DOCTYPE html><html><h1>Home</h1></html>"), nil, "C03", "A web page answers"},
		{"nginx's welcome page", with("<html><title>Welcome to nginx!</title>", "Content-Type", "text/html"), nil, "H06", "nginx's welcome page"},
		{"a page of the site in place of 404", with("<html><div id=app>", "Content-Type", "text/html; charset=utf-8"), nil, "H06", "sends a page of its site instead of 404"},
		{"the policy as octets", with(enforceBody, "Content-Type", "application/octet-stream"), nil, "H06", "The policy itself is there"},
		{"a word processor's file", file(here, `{\rtf1 version: STSv1}`), nil, "C03", "word processor"},
		{"a blank line at the end", file(here, enforceBody+"\r\n"), nil, "C02", "blank"},
		{"a comment", file(here, "# ours\n"+lf), nil, "C15", "comment"},
		{"an empty file", file(here, ""), nil, "C03", "empty file"},
		{"a file that broke off", file(here, "version: STSv1\nmode: enforce\nmx: mx1.corp.test\n"), nil, "C03", "max_age"},
		{"another domain's file", file(here, "version: STSv1\nmode: enforce\nmx: mx.other.test\nmax_age: 86400\n"), nil, "H09", "the file of another domain"},
		{"the wrong mode", file(here, "version: STSv1\nmode: none\nmx: mx1.corp.test\nmx: mx2.corp.test\nmax_age: 86400\n"), nil, "H09", "mode none in place of enforce"},
		{"a host too few", file(here, strings.Replace(lf, "mx: mx2.corp.test\n", "", 1)), nil, "H09", "without mx mx2.corp.test"},
		{"a cache's old text", with(testingBody, "Age", "3600", "Cache-Control", "max-age=86400"), nil, "H11", "took it 1h0m0s ago"},
		{"sent compressed", with(gzipped(enforceBody), "Content-Encoding", "gzip"), nil, "H13", "Turn compression off"},
		{"a compressed file", file(here, gzipped(enforceBody)), nil, "C03", "not a compressed file"},
		{"at the top of the site", file("mta-sts.corp.test/mta-sts.txt", enforceBody), nil, "H05", "left out of the upload for the dot"},
		{".txt twice", file(here+".txt", lf), nil, "H05", ".txt twice"},
		{"without .txt", file("mta-sts.corp.test/.well-known/mta-sts", lf), nil, "H05", "without .txt"},
		{"a folder without the dot", file("mta-sts.corp.test/well-known/mta-sts.txt", lf), nil, "H05", "without the dot"},
		{".well-known within itself", file("mta-sts.corp.test/.well-known/.well-known/mta-sts.txt", lf), nil, "H05", "within .well-known"},
		{"on the domain's web site", file("corp.test/.well-known/mta-sts.txt", lf), nil, "H05", "on the web site of the domain"},
		{"a directory of its name", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/.well-known/mta-sts.txt/", http.StatusMovedPermanently)
		}, nil, "H04", "Move the directory away"},
		{"sent to www", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://www.corp.test"+r.URL.Path, http.StatusMovedPermanently)
		}, nil, "H04", "Exempt mta-sts.corp.test"},
		{"forbidden", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Server", "Apache \u009b31m")
			http.Error(w, "no", http.StatusForbidden)
		}, nil, "H05", "answers 403 Forbidden"},
		{"by nginx", file("nowhere", ""), nil, "H05", "answers 404 Not Found (nginx/1.22.1)"},
		{"another site's certificate", file(here, enforceBody), []string{"corp.test", "www.corp.test"}, "H03", "the domain's own web site"},
	} {
		t.Run(row.shows, func(t *testing.T) {
			l, looker := openLab(t, lab.Options{})
			names := row.names
			if names == nil {
				names = []string{"mta-sts.corp.test", "corp.test"}
			}
			laidOut(t, l, row.serve, names...)
			told := mistakesSeen(t, looker, bodyEdit(testingBody, enforceBody))
			if !slices.ContainsFunc(told, func(f finding.Finding) bool {
				return f.Code == row.code && f.Severity == finding.Fail && f.Fix != "" && strings.Contains(f.Title+" "+f.Detail+" "+f.Fix, row.says)
			}) {
				t.Errorf("want %s with %q, got %s", row.code, row.says, listed(told))
			}
			for _, f := range told {
				if strings.ContainsAny(f.Title+f.Detail+f.Fix, "\u009b\x1b") {
					t.Errorf("control characters: %q", f)
				}
			}
		})
	}
}

// What is right, or what nobody has replaced yet, is no mistake.
func TestSeeTellsNoMistakeOfABodyThatIsRight(t *testing.T) {
	const here = "mta-sts.corp.test/.well-known/mta-sts.txt"
	for shows, text := range map[string]string{
		"byte for byte":           enforceBody,
		"LF in place of CR LF":    strings.ReplaceAll(enforceBody, "\r\n", "\n"),
		"no newline at the end":   strings.TrimRight(enforceBody, "\r\n"),
		"spaces at ends of lines": strings.ReplaceAll(enforceBody, "\r\n", "  \n"),
		"the old one still":       testingBody,
	} {
		t.Run(shows, func(t *testing.T) {
			l, looker := openLab(t, lab.Options{})
			laidOut(t, l, file(here, text), "mta-sts.corp.test")
			for _, f := range mistakesSeen(t, looker, bodyEdit(testingBody, enforceBody)) {
				if f.Severity == finding.Fail {
					t.Errorf("told as wrong: %v", f)
				}
			}
		})
	}
}

// Where the name of the policy host has no address yet, the policy may stand on the
// domain's web site already.
func TestSeeFindsABodyWithoutAPolicyHost(t *testing.T) {
	l, looker := openLab(t, lab.Options{})
	laidOut(t, l, file("corp.test/.well-known/mta-sts.txt", enforceBody), "corp.test")
	set(t, l, "mta-sts.corp.test", "A")
	set(t, l, "mta-sts.corp.test", "AAAA")
	told := mistakesSeen(t, looker, bodyEdit("", enforceBody))
	if len(told) != 2 || told[0].Code != "H01" && told[1].Code != "H01" {
		t.Errorf("want the missing address and where the policy is, got %s", listed(told))
	}
}

func bodyEdit(before, after string) rollout.Edit {
	e := rollout.Edit{Kind: rollout.Policy, Account: "manual", Name: mtasts.PolicyURL("corp.test"), Type: "policy", After: rollout.Body(after)}
	if before != "" {
		e.Before = rollout.Body(before)
	}
	return e
}

func listed(fs []finding.Finding) string {
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, "\n%v\n    %s\n    %s", f, f.Detail, f.Fix)
	}
	return b.String()
}
