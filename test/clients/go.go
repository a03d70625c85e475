// Calls STS again and again with one client of the SDK for Go, and writes the access key id that it has used.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	settings, err := config.LoadDefaultConfig(context.TODO())
	if err != nil {
		panic(err)
	}
	// Old versions do not read the variable.
	resolver := sts.EndpointResolverFromURL(os.Getenv("AWS_ENDPOINT_URL_STS"))
	client := sts.NewFromConfig(settings, sts.WithEndpointResolver(resolver))
	for {
		if _, err := client.GetCallerIdentity(context.TODO(), &sts.GetCallerIdentityInput{}); err != nil {
			panic(err)
		}
		used, err := settings.Credentials.Retrieve(context.TODO())
		if err != nil {
			panic(err)
		}
		fmt.Println("used", used.AccessKeyID, aws.SDKVersion)
		time.Sleep(200 * time.Millisecond)
	}
}
