package dns

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"belay/rollout/finding"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"
)

// awsRefusal is an AWS error told as what to do. What it wraps is the SDK's.
type awsRefusal struct {
	text string
	err  error
}

func (e *awsRefusal) Error() string { return e.text }
func (e *awsRefusal) Unwrap() error { return e.err }

// awsSaid translates an error of the SDK. Its own text hides the reasons of a
// refused change and buries the rest in request ids.
func awsSaid(err error) error {
	if err == nil {
		return nil
	}
	if batch, ok := errors.AsType[*types.InvalidChangeBatch](err); ok {
		said := strings.Join(batch.Messages, "; ")
		if said == "" {
			said = batch.ErrorMessage()
		}
		return &awsRefusal{text: "the change was refused: " + finding.Clean(said, 400), err: err}
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return awsUnreached(err)
	}
	said := finding.Clean(api.ErrorMessage(), 400)
	text := fmt.Sprintf("AWS said %s: %s", finding.Clean(api.ErrorCode(), 60), said)
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException":
		text = fmt.Sprintf("the credentials lack the right %s; AWS said: %s", deniedAction(said), said)
	case "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId":
		text = "AWS does not know this access key id: check it, or the profile; AWS said: " + said
	case "SignatureDoesNotMatch":
		text = "the secret access key does not belong to this access key id, or this machine's clock is wrong; AWS said: " + said
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		text = "the session has expired: log in again; AWS said: " + said
	case "Throttling", "ThrottlingException", "PriorRequestNotComplete":
		text = "too many requests at AWS; try again in a minute; it said: " + said
	case "NoSuchHostedZone":
		text = "AWS has no such hosted zone in this account; it said: " + said
	}
	return &awsRefusal{text: text, err: err}
}

// deniedAction is the right that an AccessDenied message names.
func deniedAction(said string) string {
	if a := regexp.MustCompile(`route53:\w+`).FindString(said); a != "" {
		return a
	}
	return "for this call"
}

// awsUnreached tells apart why no API answered at all.
func awsUnreached(err error) error {
	text := err.Error()
	switch {
	case errors.Is(err, errRoute53Elsewhere):
		return &awsRefusal{text: "the answer sends belay elsewhere, which it does not follow: something stands between this machine and AWS; check AWS_ENDPOINT_URL", err: err}
	case strings.Contains(text, "get credentials"), strings.Contains(text, "no EC2 IMDS role"), strings.Contains(text, "failed to refresh cached credentials"):
		return &awsRefusal{text: "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE", err: err}
	case errors.Is(err, errNotRoute53), strings.Contains(text, "deserializ"):
		return &awsRefusal{text: "the answer is not Route 53's XML: something stands between this machine and AWS, or AWS is out of order", err: err}
	}
	return &awsRefusal{text: "reach AWS: " + text, err: err}
}
