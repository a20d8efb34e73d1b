package dns

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The SDK takes any answer of a good status for Route 53's: a page of HTML, or
// nothing at all, is to it a list without items. So belay looks at each before the
// SDK does.
var (
	errNotRoute53       = errors.New("the answer is not Route 53's XML")
	errRoute53Elsewhere = errors.New("the answer is a redirect")
)

// route53Answer is the longest answer that is read, in bytes; one of 100 sets has
// about 60 kB.
const route53Answer = 4 << 20

// newRoute53Client is the SDK's client over cfg. It follows no redirect, along which
// a signed request would go, and reads no answer but Route 53's own.
func newRoute53Client(cfg aws.Config) *r53.Client {
	built, ok := cfg.HTTPClient.(*awshttp.BuildableClient) // with the authorities that the configuration names
	if !ok {
		built = awshttp.NewBuildableClient()
	}
	return r53.NewFromConfig(cfg, func(o *r53.Options) {
		o.HTTPClient = &http.Client{
			Transport:     built.GetTransport(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			// Behind all others: the first to see the answer.
			return s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("GenuineAnswer", genuineRoute53), middleware.After)
		})
	})
}

// genuineRoute53 reads the answer, within bounds, and is an error where it is not
// the one that Route 53 gives to this operation.
func genuineRoute53(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, metadata, err
	}
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if !ok {
		return out, metadata, fmt.Errorf("%w", errNotRoute53)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, route53Answer+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return out, metadata, fmt.Errorf("read the answer (HTTP %d): %w", resp.StatusCode, err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case len(body) > route53Answer:
		return out, metadata, fmt.Errorf("the answer is longer than %d bytes", route53Answer)
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return out, metadata, fmt.Errorf("%w (HTTP %d)", errRoute53Elsewhere, resp.StatusCode)
	case resp.StatusCode < 300 && rootOf(body) != awsmiddleware.GetOperationName(ctx)+"Response":
		return out, metadata, fmt.Errorf("%w (HTTP %d)", errNotRoute53, resp.StatusCode)
	}
	return out, metadata, nil
}

// rootOf is the name of the outermost element of an XML document, "" where there is
// none.
func rootOf(body []byte) string {
	for d := xml.NewDecoder(bytes.NewReader(body)); ; {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		if root, ok := token.(xml.StartElement); ok {
			return root.Name.Local
		}
	}
}
