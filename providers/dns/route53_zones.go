package dns

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53"
)

// Zones asks Route 53 by the same right as finding a zone does.
func (r *route53Zones) Zones(ctx context.Context) ([]string, bool, error) {
	answer, err := r.client.ListHostedZonesByName(ctx, &r53.ListHostedZonesByNameInput{MaxItems: aws.Int32(zonesAsked)})
	if err != nil {
		return nil, false, awsSaid(err)
	}
	var out []string
	for _, z := range answer.HostedZones {
		if z.Config == nil || !z.Config.PrivateZone {
			out = append(out, plainName(unquoteName(aws.ToString(z.Name))))
		}
	}
	return out, answer.IsTruncated, nil
}
