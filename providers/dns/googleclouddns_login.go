//go:build google

package dns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"belay/rollout/finding"

	gdns "google.golang.org/api/dns/v1"
)

// googleLogin is how belay comes to a project.
type googleLogin struct {
	project string
	// file is the key file; empty for what this machine logs in with by default
	// (gcloud's, the metadata server's).
	file string
}

// googleKeyLimit is the largest key file that is read, in bytes.
const googleKeyLimit = 64 << 10

// readGoogleLogin reads the key file far enough to know that it is one, and takes
// the project from it where no other was given.
func readGoogleLogin(c credentials) (googleLogin, error) {
	l := googleLogin{project: c.get("project"), file: c.get("key_file")}
	if l.file != "" {
		own, err := readGoogleKey(l.file)
		if err != nil {
			return l, err
		}
		if l.project == "" {
			l.project = own
		}
	}
	if l.project == "" {
		return l, errors.New("the project is missing: it is the id of the Google Cloud project that keeps the zone (GCP_PROJECT)")
	}
	return l, nil
}

// readGoogleKey returns the project that a key file is for, which not every kind of
// key says. Its errors hold nothing of what is in the file.
func readGoogleKey(file string) (project string, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("read the key file: %w", err)
	}
	if info.Size() > googleKeyLimit {
		return "", fmt.Errorf("the key file %s is larger than %d bytes", finding.Quote(file, 200), googleKeyLimit)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the key file: %w", err)
	}
	var key struct {
		Type    string `json:"type"`
		Project string `json:"project_id"`
	}
	if err := json.Unmarshal(text, &key); err != nil || key.Type == "" {
		return "", fmt.Errorf("%s is no key of Google's: it must be the JSON file that the console gives for a service account", finding.Quote(file, 200))
	}
	return key.Project, nil
}

// googleRights are what belay needs at a zone beside reading it.
func googleRights() []string {
	return []string{"dns.changes.create", "dns.resourceRecordSets.create", "dns.resourceRecordSets.update", "dns.resourceRecordSets.delete"}
}

// Prove asks which of the rights the credentials have at the zone. Whether the
// question itself is answered is another right; without it the first write shows.
func (g *googleZones) Prove(ctx context.Context, z Zone, _ string) ([]string, error) {
	api, err := g.api(ctx)
	if err != nil {
		return nil, err
	}
	resource := fmt.Sprintf("projects/%s/managedZones/%s", g.login.project, z.ID)
	has, err := api.ManagedZones.TestIamPermissions(resource, &gdns.GoogleIamV1TestIamPermissionsRequest{Permissions: googleRights()}).Context(ctx).Do()
	if err != nil {
		return []string{"The credentials read the zone; Google does not tell which rights they have there (" + googleSaid(err).Error() + "), so the first write shows."}, nil
	}
	var lacks []string
	for _, right := range googleRights() {
		if !slices.Contains(has.Permissions, right) {
			lacks = append(lacks, right)
		}
	}
	if len(lacks) > 0 {
		return nil, fmt.Errorf("the credentials read the zone %s, but lack the right to %s there; grant the role roles/dns.admin on this zone", z.Name, strings.Join(lacks, ", "))
	}
	return []string{"The credentials may create, change and delete records in this zone."}, nil
}
