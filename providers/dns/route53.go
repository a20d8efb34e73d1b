package dns

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"belay/rollout/finding"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awscreds "github.com/aws/aws-sdk-go-v2/credentials"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// route53Zones is an account at AWS. All its calls are its own, over the SDK that
// github.com/libdns/route53 is made of, for that one cannot be held:
//
//   - it loads the AWS configuration itself, at its first call, and ends the process
//     where that cannot be loaded, as when a profile went while belay was open;
//   - it takes no client, follows redirects with the signed request, and takes any
//     page for a zone without records;
//   - it sets by UPSERT, which writes over whatever stands, and where a set that it
//     deletes holds a value more by then, sets that value so, too;
//   - it reads whole zones, one odd record hides such a zone, it does not see alias
//     sets, and it cannot tell a public zone from a private one of the same name.
type route53Zones struct {
	client *r53.Client
	creds  credentials
}

// openRoute53 loads the AWS configuration, once, which asks nobody anything.
func openRoute53(c credentials, o Options) (Source, error) {
	ctx, cancel := context.WithTimeout(context.Background(), o.Patience)
	defer cancel()
	var opts []func(*config.LoadOptions) error
	if v := c.get("profile"); v != "" {
		opts = append(opts, config.WithSharedConfigProfile(v))
	}
	if v := c.get("region"); v != "" {
		opts = append(opts, config.WithRegion(v))
	}
	key, secret := c.get("access_key_id"), c.get("secret_access_key")
	if (key == "") != (secret == "") {
		return nil, errors.New("an access key id and a secret access key belong together; one of them is missing")
	}
	if key != "" {
		opts = append(opts, config.WithCredentialsProvider(awscreds.NewStaticCredentialsProvider(key, secret, c.get("session_token"))))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return &route53Zones{client: newRoute53Client(cfg), creds: c}, nil
}

func (r *route53Zones) Label() string { return "Route 53" }

// Zone asks for each name that could be the zone's, longest first. Private zones
// answer nobody outside and do not count.
func (r *route53Zones) Zone(ctx context.Context, name string) (Zone, error) {
	wantID := strings.TrimPrefix(r.creds.get("hosted_zone_id"), "/hostedzone/")
	var private, others []string
	for _, n := range suffixes(name) {
		out, err := r.client.ListHostedZonesByName(ctx, &r53.ListHostedZonesByNameInput{DNSName: aws.String(fqdn(n)), MaxItems: aws.Int32(100)})
		if err != nil {
			return Zone{}, fmt.Errorf("look for the hosted zone %s: %w", n, awsSaid(err))
		}
		var public []string
		for _, z := range out.HostedZones {
			id := strings.TrimPrefix(aws.ToString(z.Id), "/hostedzone/")
			switch {
			case plainName(aws.ToString(z.Name)) != n:
			case z.Config != nil && z.Config.PrivateZone:
				private = append(private, id)
			case wantID != "" && id != wantID:
				others = append(others, id)
			default:
				public = append(public, id)
			}
		}
		switch len(public) {
		case 0:
			continue
		case 1:
			z := Zone{Name: n, ID: public[0], Notes: []string{"Its hosted zone id is " + finding.Clean(public[0], 60) + "."}}
			z.NameServers, err = r.nameServers(ctx, z)
			return z, err
		}
		return Zone{}, fmt.Errorf("this account has %d public hosted zones %s: %s; give the id of the one that the registrar delegates to (AWS_HOSTED_ZONE_ID)", len(public), n, finding.Clean(strings.Join(public, ", "), 200))
	}
	switch {
	case len(others) > 0:
		return Zone{}, fmt.Errorf("the hosted zone %s is not one of this account's public zones for %s; those are %s", finding.Quote(wantID, 60), name, finding.Clean(strings.Join(others, ", "), 200))
	case len(private) > 0:
		return Zone{}, fmt.Errorf("this account has only a private hosted zone for %s (%s), which answers nobody outside its VPC", name, finding.Clean(strings.Join(private, ", "), 200))
	}
	return Zone{}, fmt.Errorf("these credentials work, but their account has no hosted zone for %s: the zone is in another account", name)
}

// nameServers are those that the zone names at its apex: the ones it was given, or
// what its owner made of them. Listing them needs no right that is not needed
// anyway.
func (r *route53Zones) nameServers(ctx context.Context, z Zone) ([]string, error) {
	out, err := r.client.ListResourceRecordSets(ctx, &r53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(z.ID), StartRecordName: aws.String(fqdn(z.Name)), StartRecordType: types.RRTypeNs, MaxItems: aws.Int32(1),
	})
	if err != nil {
		return nil, fmt.Errorf("read the name servers of the hosted zone %s: %w", z.Name, awsSaid(err))
	}
	for _, s := range out.ResourceRecordSets {
		if s.Type == types.RRTypeNs && plainName(unquoteName(aws.ToString(s.Name))) == z.Name {
			return route53Set(z.Name, s).Values, nil
		}
	}
	return nil, nil
}

// At lists the sets from name on until another name comes.
func (r *route53Zones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	in := &r53.ListResourceRecordSetsInput{HostedZoneId: aws.String(z.ID), StartRecordName: aws.String(fqdn(name)), MaxItems: aws.Int32(100)}
	var sets []RRset
	for {
		out, err := r.client.ListResourceRecordSets(ctx, in)
		if err != nil {
			return nil, awsSaid(err)
		}
		for _, s := range out.ResourceRecordSets {
			if plainName(unquoteName(aws.ToString(s.Name))) != name {
				return sets, nil
			}
			sets = append(sets, route53Set(name, s))
		}
		if !out.IsTruncated || plainName(unquoteName(aws.ToString(out.NextRecordName))) != name {
			return sets, nil
		}
		in.StartRecordName, in.StartRecordType, in.StartRecordIdentifier = out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier
	}
}

// unquoteName reads Route 53's octal escapes in names.
func unquoteName(s string) string { return unquoteTXT(`"`+s+`"`, 8) }

func route53Set(name string, s types.ResourceRecordSet) RRset {
	set := RRset{Name: name, Type: string(s.Type), TTL: uint32(aws.ToInt64(s.TTL)), own: s}
	for _, rr := range s.ResourceRecords {
		v := aws.ToString(rr.Value)
		if set.Type == "TXT" {
			v = unquoteTXT(v, 8)
		}
		set.Values = append(set.Values, canonical(set.Type, v))
	}
	switch {
	case s.AliasTarget != nil:
		set.Special = "an alias of " + finding.Clean(plainName(aws.ToString(s.AliasTarget.DNSName)), 200) + ", which belay does not write over; replace it by a plain record in the console first"
	case s.SetIdentifier != nil:
		set.Special = "one of several sets with a routing policy (" + finding.Clean(aws.ToString(s.SetIdentifier), 100) + "), which belay does not change"
	}
	return set
}

// Prove compares what can be read of the zone with what is needed.
func (r *route53Zones) Prove(context.Context, Zone, string) ([]string, error) {
	return []string{"The credentials read the hosted zone; whether they have route53:ChangeResourceRecordSets shows at the first write."}, nil
}
