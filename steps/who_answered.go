package steps

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/steps/probe"
)

// What answers in the policy's place says by itself a good deal of why: which
// software it is, whose certificate it shows, whose page, and where it sends one.

// likely is f with its likely reason before what it means for mail.
func likely(f finding.Finding, why string) finding.Finding { return f.Because(why + " " + f.Detail) }

// byServer names the software that answered, as the end of a clause; empty where it
// does not say.
func byServer(f probe.Fetch) string {
	if f.Server == "" {
		return ""
	}
	return " (" + f.Server + ")"
}

// turnedAway is the finding of a status that is not 200.
func turnedAway(host, subject string, f probe.Fetch) finding.Finding {
	at := finding.New("H05", subject, "answers "+f.Said+byServer(f))
	path := policyPath(host)
	switch {
	case f.Status == http.StatusForbidden:
		return likely(at, "Something stands there that the server may not or must not hand out.").
			Mend("Let the server's user read the file and pass every directory above it; exempt " + path + " from bot checks, country blocks and logins.")
	case f.Status == http.StatusUnauthorized:
		return likely(at, "A login is asked for, which no sender has.").Mend("Exempt " + path + " from it.")
	case f.Status == http.StatusNotFound, f.Status == http.StatusGone:
		return likely(at, "The server that answers for "+host+" has no such file: it serves another directory, or its default site answers for the name.").
			Mend("Serve the text at " + path + " of the site for " + host + ".")
	case f.Status == http.StatusMisdirectedRequest:
		return likely(at, "The server knows no site of the name "+host+".").Mend("Set up a site for " + host + ", and reload the server.")
	case f.Status >= http.StatusInternalServerError:
		return likely(at, "The server fails, or what stands behind it does.").Mend("Look into the server's error log; serve the policy as a plain file.")
	}
	return at
}

// policyPath is the path of the policy at a policy host.
func policyPath(host string) string {
	domain := strings.TrimPrefix(host, mtasts.PolicyHost(""))
	return strings.TrimPrefix(mtasts.PolicyURL(domain), "https://"+host)
}

// mislabelled is the finding of an answer that is not text/plain: a page in the
// policy's place, or the policy under a wrong label.
func mislabelled(host, subject string, f probe.Fetch) finding.Finding {
	at := finding.New("H06", subject, f.Said)
	text := strings.TrimLeft(strings.TrimPrefix(f.Body, "\ufeff"), " \t\r\n")
	switch page := stockPage(f.Body); {
	case page != "":
		return likely(at, "The page is "+page+": no site is set up there for "+host+", and the default one answers.").
			Mend("Set up a site for " + host + " that serves " + policyPath(host) + ", and reload the server.")
	case strings.HasPrefix(text, "<"):
		return likely(at, "A web page answers in the policy's place"+byServer(f)+": where a file is missing, this server sends a page of its site instead of 404.").
			Mend("Put the file at " + policyPath(host) + " of what is served for " + host + ", and exempt the path from the site's routing.")
	case strings.HasPrefix(text, "version:"):
		return likely(at, "The policy itself is there, under a wrong label.").
			Mend("Set the media type of " + policyPath(host) + " to text/plain; an object store keeps it with the object.")
	}
	return at
}

// stockPage names the page that a server shows where nothing was set up; empty for
// any other.
func stockPage(body string) string {
	for _, known := range []struct{ mark, page string }{
		{"Welcome to nginx!", "nginx's welcome page"},
		{"Apache2 Debian Default", "Apache's default page"},
		{"Apache2 Ubuntu Default", "Apache's default page"},
		{"<h1>It works!</h1>", "Apache's default page"},
		{"Your web server is working", "Caddy's welcome page"},
		{"IIS Windows Server", "the default page of IIS"},
	} {
		if strings.Contains(body, known.mark) {
			return known.page
		}
	}
	return ""
}

// sentOn is the finding of a redirect: what kind it is, and where it is turned off.
func sentOn(host, subject string, f probe.Fetch) finding.Finding {
	at := finding.New("H04", subject, "redirects: "+f.Said+byServer(f))
	asked, err := url.Parse("https://" + host)
	if err != nil {
		return at
	}
	to, err := asked.Parse(f.Location)
	if err != nil {
		return at
	}
	switch {
	case to.Host == host && strings.HasSuffix(to.Path, "/mta-sts.txt/"):
		return likely(at, "A directory of the name mta-sts.txt stands where the file must: the server adds the slash of a directory.").
			Mend("Move the directory away and put a file of that name in its place.")
	case to.Host == host && strings.Contains(strings.ToLower(to.Path+"?"+to.RawQuery), "login"):
		return at.Mend("Exempt the policy's path from the login.")
	case to.Host != host && to.Host != "":
		return likely(at, "A rule that sends every name to "+finding.Quote(to.Hostname(), 100)+" takes the policy host along.").
			Mend("Exempt " + host + " from that rule, and serve the policy there itself.")
	}
	return at
}

// badCertificate is the finding of a certificate that keeps senders away.
func badCertificate(host, subject string, f probe.Fetch, flaw probe.Flaw) finding.Finding {
	at := finding.New("H03", subject, flaw.Text)
	if flaw.Kind != probe.WrongName || f.Certificate == nil {
		return at
	}
	whose := "another site"
	if names := f.Certificate.Names; slices.Contains(names, strings.TrimPrefix(host, mtasts.PolicyHost(""))) {
		whose = "the domain's own web site"
	}
	return likely(at, fmt.Sprintf("The certificate of %s answers for %s: the server at this address has no site of that name, or was not reloaded since it has.", whose, host)).
		Mend("Set up a site for " + host + " with a certificate of its own name, also where the name is a CNAME, and reload the server.")
}

// endingSoon is the finding of a certificate whose end is near, which says so when it
// is near enough to hold the rollout up.
func endingSoon(at finding.Finding, f probe.Fetch, now time.Time) finding.Finding {
	c := f.Certificate
	if c == nil || now.Before(c.NotAfter.Add(-min(rollout.ExpiryGuard, c.NotAfter.Sub(c.NotBefore)/3))) {
		return at
	}
	return likely(at, "That is within 7 days, or the last third of its life: until it is renewed nothing is enforced or raised.").
		Mend("Renew it now; then see why what renews it did not run, or why the server did not load what it brought.")
}
