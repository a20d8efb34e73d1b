package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

// Bodies of two plans: the first was laid and given up, the second was only accepted.
var (
	given1   = strings.Replace(enforce1, "86400", "604800", 1)
	planned1 = strings.Replace(enforce1, "86400", "2592000", 1)
)

// journal is what is written down of one rollout.
type journal []rollout.Entry

func (j journal) Journal(context.Context, string) ([]rollout.Entry, error) { return j, nil }

// meant is a journal with an intent of one body, whose plan then gave way to one of
// another.
func meant(intended, accepted string) journal {
	settings := rollout.DefaultSettings()
	first := rollout.Plan{Domain: "corp.test", Edits: []rollout.Edit{edit(rollout.Body(enforce1), rollout.Body(intended))}}
	second := rollout.Plan{Domain: "corp.test", Edits: []rollout.Edit{edit(rollout.Body(enforce1), rollout.Body(accepted))}}
	entries := journal{
		{Kind: rollout.Created, Settings: &settings},
		{Kind: rollout.Accepted, Plan: &first},
		{Kind: rollout.Intended, PlanHash: first.Hash(), EditID: "e1"},
		{Kind: rollout.Received, PlanHash: first.Hash(), Receipt: &rollout.Receipt{EditID: "e1", Outcome: rollout.Failed}},
		{Kind: rollout.Abandoned, PlanHash: first.Hash(), EditID: "e1"},
		{Kind: rollout.Accepted, Plan: &second},
	}
	for i := range entries {
		entries[i].Seq, entries[i].At = int64(i+1), time.Date(2026, 6, 1, 12, i, 0, 0, time.UTC)
	}
	return entries
}

// TestStaticApply: the folder is written whole, what stood in it stays, and only
// what is seen from outside ends the wait.
func TestStaticApply(t *testing.T) {
	none, first, second := rollout.Absent(), rollout.Body(testing1), rollout.Body(enforce1)
	for _, row := range []struct {
		name          string
		sees          rollout.Value
		before, after rollout.Value
		holds         map[string]string // in the folder before
		want          rollout.Outcome
		left          map[string]string // what is checked of it afterwards
	}{
		{"first body", none, none, first, nil, rollout.Waiting, map[string]string{
			".well-known/mta-sts.txt": testing1, ".nojekyll": "", "CNAME": "mta-sts.corp.test\n",
			"_headers": "/.well-known/mta-sts.txt\n  Content-Type: text/plain\n  Cache-Control: no-cache\n",
		}},
		{"files of the operator's stay", none, none, first, map[string]string{"CNAME": "mine\n", "index.html": "hello"}, rollout.Waiting,
			map[string]string{"CNAME": "mine\n", "index.html": "hello", ".well-known/mta-sts.txt": testing1}},
		{"next body", first, first, second, map[string]string{".well-known/mta-sts.txt": testing1}, rollout.Waiting, map[string]string{".well-known/mta-sts.txt": enforce1}},
		{"published", second, first, second, map[string]string{".well-known/mta-sts.txt": enforce1}, rollout.Found, map[string]string{".well-known/mta-sts.txt": enforce1}},
		{"somebody else's body is served", rollout.Body("mine\n"), first, second, map[string]string{".well-known/mta-sts.txt": testing1}, rollout.Refused, map[string]string{".well-known/mta-sts.txt": testing1}},
		{"somebody's body that is not published", first, first, second, map[string]string{".well-known/mta-sts.txt": "mine\n"}, rollout.Failed, map[string]string{".well-known/mta-sts.txt": "mine\n"}},
		{"a body laid for a plan that was given up", second, second, first, map[string]string{".well-known/mta-sts.txt": given1}, rollout.Waiting, map[string]string{".well-known/mta-sts.txt": testing1}},
		{"the same, with the line ends that git left", second, second, first, map[string]string{".well-known/mta-sts.txt": strings.ReplaceAll(given1, "\r\n", "\n")}, rollout.Waiting, map[string]string{".well-known/mta-sts.txt": testing1}},
		{"removal of a body laid for a plan that was given up", second, second, none, map[string]string{".well-known/mta-sts.txt": given1}, rollout.Waiting, map[string]string{".well-known/mta-sts.txt": "gone"}},
		{"a body that was planned and not meant yet", second, second, first, map[string]string{".well-known/mta-sts.txt": planned1}, rollout.Failed, map[string]string{".well-known/mta-sts.txt": planned1}},
		{"removal", first, first, none, map[string]string{".well-known/mta-sts.txt": testing1}, rollout.Waiting, map[string]string{".well-known/mta-sts.txt": "gone"}},
		{"removal of what the folder never had", first, first, none, nil, rollout.Waiting, map[string]string{".well-known/mta-sts.txt": "gone"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := Static{Dir: filepath.Join(t.TempDir(), "pages"), Seer: window{value: row.sees}, Journal: meant(given1, planned1)}
			for name, text := range row.holds {
				path := filepath.Join(s.Dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.Apply(t.Context(), edit(row.before, row.after))
			if got.Outcome != row.want || (err != nil) != (row.want == rollout.Refused || row.want == rollout.Failed) {
				t.Fatalf("receipt %+v, error %v; want %s", got, err, row.want)
			}
			if row.want == rollout.Failed && (!errors.Is(err, rollout.ErrRefused) || !strings.Contains(got.Detail, "move it away, and belay next goes on")) {
				t.Errorf("the operator is not told what to do: %v, %q", err, got.Detail)
			}
			if row.want == rollout.Waiting && !strings.Contains(got.Detail, s.Dir) {
				t.Errorf("the operator is not told what to publish: %q", got.Detail)
			}
			for name, want := range row.left {
				text, err := os.ReadFile(filepath.Join(s.Dir, name))
				if errors.Is(err, os.ErrNotExist) {
					text, err = []byte("gone"), nil
				}
				if string(text) != want || err != nil {
					t.Errorf("%s holds %q (%v), want %q", name, text, err, want)
				}
			}
		})
	}
}

// What hosts of static pages need is there and fits together; a file of the
// operator's that does not is named with the instruction.
func TestStaticFolderServesEachHost(t *testing.T) {
	s := Static{Dir: filepath.Join(t.TempDir(), "my pages"), Seer: window{value: rollout.Absent()}}
	got, err := s.Apply(t.Context(), edit(rollout.Absent(), rollout.Body(testing1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"GitHub Pages: ", "netlify deploy --prod --dir '" + s.Dir + "'", "wrangler pages deploy '" + s.Dir + "'",
		"aws s3 cp '" + s.Dir + "/.well-known/mta-sts.txt' s3://BUCKET/.well-known/mta-sts.txt --content-type text/plain", "66 bytes (SHA-256 "} {
		if !strings.Contains(got.Detail, says) {
			t.Errorf("%q is not said:\n%s", says, got.Detail)
		}
	}
	for name, has := range map[string]string{"index.html": `href="/.well-known/mta-sts.txt"`, "404.html": "<title>Not found</title>", ".nojekyll": "", "CNAME": "mta-sts.corp.test\n"} {
		text, err := os.ReadFile(filepath.Join(s.Dir, name))
		if err != nil || !strings.Contains(string(text), has) {
			t.Errorf("%s holds %q, %v", name, text, err)
		}
	}
	if strings.Contains(got.Detail, "was there before") {
		t.Errorf("belay's own files are told as the operator's:\n%s", got.Detail)
	}
	for name, text := range map[string]string{"CNAME": "www.corp.test\n", "_headers": "/img\n  X-Y: z\n"} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err = s.Apply(t.Context(), edit(rollout.Absent(), rollout.Body(testing1)))
	if err != nil || !strings.Contains(got.Detail, `CNAME was there before and names "www.corp.test"`) || !strings.Contains(got.Detail, "_headers was there before and says nothing of /.well-known/mta-sts.txt") {
		t.Errorf("what does not fit is not named (%v):\n%s", err, got.Detail)
	}
	if err := os.Remove(filepath.Join(s.Dir, ".nojekyll")); err != nil {
		t.Fatal(err)
	}
	if err := s.complete(edit(rollout.Absent(), rollout.Body(testing1))); err == nil || !strings.Contains(err.Error(), ".nojekyll") {
		t.Errorf("a folder that lacks a file is complete: %v", err)
	}
	if got, err = s.Apply(t.Context(), edit(rollout.Absent(), rollout.Body(testing1))); err != nil || got.Outcome != rollout.Waiting {
		t.Errorf("written again: %+v, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, ".nojekyll")); err != nil {
		t.Errorf("a file that went missing is not put back: %v", err)
	}
}

func TestStaticTry(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for place, says := range map[string]string{
		dir: "can be written", filepath.Join(dir, "new"): "will be made", file: "no directory", filepath.Join(dir, "a", "b"): "made in",
	} {
		trial, err := Static{Dir: place}.Try(t.Context(), "corp.test")
		said := strings.Join(trial.Lines, "\n")
		if err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, says) {
			t.Errorf("%s: %q, want %q", place, said, says)
		}
	}
}
