package host

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// What a policy host answers, and what stands in the place that belay wrote to,
// together tell why senders do not see it: the answer says that something is wrong,
// the file system what.

// Explain says why the policy that stands below the web root is not what the policy
// host answers. See rollout.Explainer.
func (w Webroot) Explain(ctx context.Context, e rollout.Edit, seen rollout.Evidence) []finding.Finding {
	stands, err := w.read()
	if ctx.Err() != nil || err != nil {
		return nil
	}
	return w.way().why(e, stands, seen)
}

// Explain is Webroot's, of the machine that is logged in to.
func (s SFTP) Explain(ctx context.Context, e rollout.Edit, seen rollout.Evidence) []finding.Finding {
	var out []finding.Finding
	err := s.errand(ctx, func(_ context.Context, r remoteRoot) error {
		stands, err := r.read()
		if err == nil {
			out = r.way().why(e, stands, seen)
		}
		return err
	})
	if err != nil {
		return nil // that it was written is known; why it cannot be looked at now says nothing of the web server
	}
	return out
}

// why joins what each address answered with what the way to the file shows, one
// finding a cause.
func (w way) why(e rollout.Edit, stands rollout.Value, seen rollout.Evidence) []finding.Finding {
	if e.Kind != rollout.Policy || !e.After.Exists || !stands.SamePolicy(e.After) {
		return nil
	}
	var out []finding.Finding
	told := map[string]bool{}
	for _, a := range seen.Policy.Addresses {
		for _, f := range w.whyAt(e, a) {
			if !told[f.Fix] {
				told[f.Fix] = true
				out = append(out, f)
			}
		}
	}
	return out
}

// whyAt is why one address does not serve what stands in the file.
func (w way) whyAt(e rollout.Edit, a rollout.PolicyAddress) []finding.Finding {
	host := hostOf(e)
	subject := fmt.Sprintf("%s [%s]", host, a.IP)
	switch {
	case !a.Answered:
		return nil
	case a.Status == http.StatusForbidden, a.Status >= http.StatusInternalServerError, a.Status == http.StatusNotFound:
		if fs := w.unreadable(subject, a); len(fs) > 0 {
			return fs
		}
		if a.Status != http.StatusNotFound {
			return []finding.Finding{finding.New("H05", subject, fmt.Sprintf("answers %d%s, though every user may read %s", a.Status, by(a), w.file)).
				Because("A rule of the server keeps it back: a deny or access rule, a login, a bot check, or an AppArmor profile that does not name the path (aa-status).").
				Mend("See the server's error log, and let " + policyPath() + " through.")}
		}
		return []finding.Finding{w.elsewhere("H05", subject, host, a, fmt.Sprintf("answers 404%s, though %s is there and every user may read it", by(a), w.file))}
	case a.Status != http.StatusOK:
		return nil // a redirect or the like says why by itself
	case rollout.Body(a.Body).SamePolicy(e.After):
		return nil
	case e.Before.Exists && rollout.Body(a.Body).SamePolicy(e.Before):
		return []finding.Finding{finding.New("H09", subject, fmt.Sprintf("still serves the old policy%s, though %s holds the new one", by(a), w.file)).As(finding.Fail).
			Because("It read the file when it started, as HAProxy does, keeps it in a cache, or serves a copy.").
			Mend("Reload the server, or purge its cache. Where that does not help, it serves another directory: let its site for " + host + " serve " + w.root + ".")}
	}
	return []finding.Finding{w.elsewhere("H09", subject, host, a, fmt.Sprintf("serves something else%s than what %s holds", by(a), w.file))}
}

// unreadable are the points of the way that a server which answers so cannot pass.
func (w way) unreadable(subject string, a rollout.PolicyAddress) []finding.Finding {
	var out []finding.Finding
	for _, p := range w.barred() {
		out = append(out, finding.New("H05", subject, fmt.Sprintf("answers %d%s, and %s", a.Status, by(a), p.said())).
			Because("The web server runs as somebody else, it seems, and cannot reach the policy.").
			Mend(p.opened()+", or serve the policy from a directory that everybody may pass."))
	}
	if p, typ, ok := w.mislabelled(); ok {
		f := finding.New("H05", subject, fmt.Sprintf("answers %d%s, and %s has the SELinux type %s", a.Status, by(a), p.path, typ)).
			Because("Where SELinux is enforced, web servers may not read files of that type, whatever their mode.").Mend(w.relabel())
		out = append(out, f)
	}
	return out
}

// elsewhere is the finding that the server serves another directory, or another site.
func (w way) elsewhere(code finding.Code, subject, host string, a rollout.PolicyAddress, title string) finding.Finding {
	f := finding.New(code, subject, title).As(finding.Fail).
		Because("The server that answers serves another directory for " + host + ", or has no site of that name and its default one answers.")
	return f.Mend(fmt.Sprintf("Let its site for %s serve %s, and reload it; belay export %s prints the configuration.%s",
		host, w.root, strings.TrimPrefix(host, mtasts.PolicyHost("")), inForce(a.Server)))
}

// inForce says how a server shows which of its sites answers for a name.
func inForce(server string) string {
	for mark, how := range map[string]string{
		"nginx":  " nginx -T shows what is in force.",
		"Apache": " apachectl -S shows which site answers for which name.",
	} {
		if strings.HasPrefix(server, mark) {
			return how
		}
	}
	return ""
}

func by(a rollout.PolicyAddress) string {
	if a.Server == "" {
		return ""
	}
	return " (" + finding.Clean(a.Server, 60) + ")"
}

func policyPath() string { return "/" + wellKnown + "/" + policyFile }
