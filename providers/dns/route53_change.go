package dns

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"belay/rollout"

	"github.com/aws/aws-sdk-go-v2/aws"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// Replace makes the set by one change that Route 53 compares with what stands, so
// that a value which came after belay's last reading is refused as drift and not
// lost: CREATE fails where a set stands, and DELETE where the set is not exactly
// the one that it names, TTL and all. A change is both in one batch, which is
// carried out whole or not at all.
func (r *route53Zones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	var changes []types.Change
	if raw, ok := have.own.(types.ResourceRecordSet); ok {
		changes = append(changes, types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: &raw})
	}
	if len(want.Values) > 0 {
		changes = append(changes, types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: route53Wanted(want)})
	}
	_, err := r.client.ChangeResourceRecordSets(ctx, &r53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(z.ID),
		ChangeBatch:  &types.ChangeBatch{Changes: changes},
	})
	return route53Refused(err)
}

// route53Wanted is a set as the API takes it.
func route53Wanted(set RRset) *types.ResourceRecordSet {
	out := &types.ResourceRecordSet{
		Name: aws.String(fqdn(set.Name)),
		Type: types.RRType(set.Type),
		TTL:  aws.Int64(int64(set.TTL)),
	}
	for _, v := range set.Values {
		out.ResourceRecords = append(out.ResourceRecords, types.ResourceRecord{Value: aws.String(route53Spelled(set.Type, v))})
	}
	return out
}

// route53Spelled is a canonical value as the API keeps it: TXT in strings of at
// most 255 bytes, with three octal digits for what is not printable ASCII.
func route53Spelled(typ, v string) string {
	if typ != "TXT" {
		return presented(typ, v)
	}
	var out []string
	for {
		n := min(len(v), maxString)
		var b strings.Builder
		for _, c := range []byte(v[:n]) {
			switch {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ' || c > '~':
				fmt.Fprintf(&b, `\%03o`, c)
			default:
				b.WriteByte(c)
			}
		}
		out = append(out, `"`+b.String()+`"`)
		if v = v[n:]; v == "" {
			return strings.Join(out, " ")
		}
	}
}

// route53Refused tells a batch that was refused because of what stands from one
// that was refused for any other reason: the first is drift.
func route53Refused(err error) error {
	batch, ok := errors.AsType[*types.InvalidChangeBatch](err)
	if !ok {
		return awsSaid(err)
	}
	said := strings.Join(append(batch.Messages, batch.ErrorMessage()), " ")
	for _, compared := range []string{"was not found", "do not match the current values", "already exists"} {
		// A CNAME in the way "already exists" too, but under a conflict's name.
		if strings.Contains(said, compared) && !strings.Contains(said, "conflicting RRSet") {
			return fmt.Errorf("%w: %w", rollout.ErrStale, awsSaid(err))
		}
	}
	return awsSaid(err)
}
