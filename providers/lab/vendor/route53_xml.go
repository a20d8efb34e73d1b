package vendor

import (
	"encoding/xml"
	"io"
	"net/http"
)

// The shapes of the API's XML, version 2013-04-01.

type zoneXML struct {
	ID              string `xml:"Id"`
	Name            string
	CallerReference string
	Private         bool `xml:"Config>PrivateZone"`
}

type zonesByNameXML struct {
	XMLName     xml.Name  `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ListHostedZonesByNameResponse"`
	Zones       []zoneXML `xml:"HostedZones>HostedZone"`
	DNSName     string    `xml:",omitempty"`
	IsTruncated bool
	MaxItems    int
}

type aliasXML struct {
	HostedZoneID string `xml:"HostedZoneId"`
	DNSName      string
	Evaluate     bool `xml:"EvaluateTargetHealth"`
}

type valueXML struct{ Value string }

type setXML struct {
	Name   string
	Type   string
	ID     string     `xml:"SetIdentifier,omitempty"`
	Weight *int       `xml:",omitempty"`
	TTL    *int64     `xml:",omitempty"`
	Values []valueXML `xml:"ResourceRecords>ResourceRecord"`
	Alias  *aliasXML  `xml:"AliasTarget,omitempty"`
}

func setToXML(s Route53Set) setXML {
	x := setXML{Name: s.Name + ".", Type: s.Type, ID: s.ID}
	if s.ID != "" {
		weight := 1
		x.Weight = &weight
	}
	if s.Alias != "" {
		x.Alias = &aliasXML{HostedZoneID: "Z2FDTNDATAQYW2", DNSName: plain(s.Alias) + "."}
		return x
	}
	x.TTL = &s.TTL
	for _, v := range s.Values {
		x.Values = append(x.Values, valueXML{v})
	}
	return x
}

func (x setXML) set() Route53Set {
	s := Route53Set{Name: plain(x.Name), Type: x.Type, ID: x.ID}
	for _, v := range x.Values {
		s.Values = append(s.Values, v.Value)
	}
	if x.TTL != nil {
		s.TTL = *x.TTL
	}
	if x.Alias != nil {
		s.Alias = x.Alias.DNSName
	}
	return s
}

type setsXML struct {
	XMLName     xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ListResourceRecordSetsResponse"`
	Sets        []setXML `xml:"ResourceRecordSets>ResourceRecordSet"`
	IsTruncated bool
	MaxItems    int
	NextName    string `xml:"NextRecordName,omitempty"`
	NextType    string `xml:"NextRecordType,omitempty"`
	NextID      string `xml:"NextRecordIdentifier,omitempty"`
}

type oneChangeXML struct {
	Action string
	Set    setXML `xml:"ResourceRecordSet"`
}

type changeXML struct {
	XMLName xml.Name       `xml:"ChangeResourceRecordSetsRequest"`
	Changes []oneChangeXML `xml:"ChangeBatch>Changes>Change"`
}

type changedXML struct {
	XMLName     xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ChangeResourceRecordSetsResponse"`
	ID          string   `xml:"ChangeInfo>Id"`
	Status      string   `xml:"ChangeInfo>Status"`
	SubmittedAt string   `xml:"ChangeInfo>SubmittedAt"`
}

type errorXML struct {
	XMLName   xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// A refused batch has a shape of its own.
type batchErrorXML struct {
	XMLName   xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ InvalidChangeBatch"`
	Messages  []string `xml:"Messages>Message"`
	RequestID string   `xml:"RequestId"`
}

func awsAnswer(w http.ResponseWriter, v any) { awsWrite(w, http.StatusOK, v) }

func awsError(w http.ResponseWriter, status int, code, message string) {
	awsWrite(w, status, errorXML{Type: "Sender", Code: code, Message: message, RequestID: "b25f48e8-84fd-11e6-80d9-574e0c4664cb"})
}

func awsBatchError(w http.ResponseWriter, messages []string) {
	awsWrite(w, http.StatusBadRequest, batchErrorXML{Messages: messages, RequestID: "b25f48e8-84fd-11e6-80d9-574e0c4664cb"})
}

func awsWrite(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, xml.Header)
	_ = xml.NewEncoder(w).Encode(v)
}
