package host

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
)

// A host of static pages wants more than the policy: GitHub Pages leaves folders that
// begin with a dot out unless .nojekyll is there, and learns the name it answers to
// from CNAME; Netlify and Cloudflare Pages read the media type from _headers; without
// a page for what is missing, some of them send the front page with status 200
// instead, which a sender would read as a policy that is broken.

// beside are the files that stand beside the policy, by name.
func beside(e rollout.Edit) map[string]string {
	host := hostOf(e)
	return map[string]string{
		".nojekyll":  "",
		"CNAME":      host + "\n",
		"_headers":   policyPath() + "\n  Content-Type: text/plain\n  Cache-Control: no-cache\n",
		"index.html": page("The MTA-STS policy host "+host, `<p>This host serves one text, by which mail servers that send to the domain know how to reach it over verified TLS (<a href="https://www.rfc-editor.org/rfc/rfc8461">RFC 8461</a>): <a href="`+policyPath()+`">`+policyPath()+`</a>.</p>`),
		"404.html":   page("Not found", `<p>There is nothing here but <a href="`+policyPath()+`">the policy</a>.</p>`),
	}
}

// page is a small page in HTML; its title is escaped, its body is not.
func page(title, body string) string {
	return fmt.Sprintf("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>%[1]s</title>\n<h1>%[1]s</h1>\n%[2]s\n</html>\n",
		html.EscapeString(title), body)
}

// lacking are, in sentences, what a file that the operator already had beside the
// policy lacks of what a host needs: belay keeps such a file as it is.
func (s Static) lacking(e rollout.Edit) []string {
	var out []string
	host := hostOf(e)
	if name := strings.TrimSpace(s.text("CNAME")); !strings.EqualFold(name, host) {
		out = append(out, fmt.Sprintf("The file CNAME was there before and names %s: GitHub Pages would not answer to %s.", finding.Quote(name, 100), host))
	}
	if headers := s.text("_headers"); !strings.Contains(headers, policyPath()) && !strings.Contains(headers, "/*") {
		out = append(out, fmt.Sprintf("The file _headers was there before and says nothing of %s; add to it: %s, below it Content-Type: text/plain.", policyPath(), policyPath()))
	}
	return out
}

// text is a file of the folder; empty where it cannot be read. Of a long one the
// beginning is enough.
func (s Static) text(name string) string {
	f, err := os.Open(filepath.Join(s.Dir, name))
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, 16<<10)
	n, _ := f.Read(head)
	return string(head[:n])
}

// missing are the files that should stand in the folder and do not.
func (s Static) missing(e rollout.Edit) []string {
	var out []string
	for name := range beside(e) {
		if _, err := os.Stat(filepath.Join(s.Dir, name)); err != nil {
			out = append(out, name)
		}
	}
	return out
}

// instruction says how the folder is published.
func (s Static) instruction(e rollout.Edit) string {
	name := hostOf(e)
	if !e.After.Exists {
		return fmt.Sprintf("The policy was taken out of %s. Publish the folder again, so that %s answers 404.", s.Dir, e.Name)
	}
	file, folder := quoteShell(filepath.Join(s.Dir, wellKnown, policyFile)), quoteShell(s.Dir)
	lines := []string{
		fmt.Sprintf("Publish the folder %s so that %s answers with its policy, %s, as text/plain and without a redirect:", s.Dir, e.Name, weighed(e.After.Body)),
		fmt.Sprintf("GitHub Pages: push it, with the files that begin with a dot, to the branch that Pages serves; custom domain %s, Enforce HTTPS on.", name),
		fmt.Sprintf("Netlify: netlify deploy --prod --dir %s; custom domain %s.", folder, name),
		fmt.Sprintf("Cloudflare Pages: wrangler pages deploy %s, with no build command; custom domain %s.", folder, name),
		fmt.Sprintf("S3 with CloudFront: aws s3 cp %s s3://BUCKET%s --content-type text/plain --cache-control no-cache; alternate domain name and certificate for %s. An object store keeps the type with the object: a later copy needs it again.", file, policyPath(), name),
	}
	return strings.Join(append(lines, s.lacking(e)...), "\n")
}
