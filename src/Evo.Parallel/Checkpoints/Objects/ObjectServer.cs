using Amazon.Runtime;
using Amazon.S3;

namespace Evo.Parallel;

/// <summary>How an S3-compatible object store is reached.</summary>
/// <param name="Endpoint">Its address, such as <c>https://example.com</c>; null for Amazon's own.</param>
/// <param name="Keys">Who asks; null where the SDK is to look (environment, profile, role of the machine).</param>
public sealed record ObjectServer(string? Endpoint, AWSCredentials? Keys)
{
    /// <summary>How often a request that fails is made again, with growing pauses.</summary>
    public int Retries { get; init; } = 8;

    /// <summary>
    /// By the variables that every tool for S3 reads: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_PROFILE.
    /// </summary>
    public static ObjectServer FromEnvironment() => new(Variable("AWS_ENDPOINT_URL_S3") ?? Variable("AWS_ENDPOINT_URL"), null);

    internal AmazonS3Client Connect()
    {
        var config = new AmazonS3Config
        {
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = Retries,
            // The SHA-256 that signs each request is checked by every such store; checksums behind the data are not understood by all.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (Endpoint is not null)
        {
            (config.ServiceURL, config.AuthenticationRegion) = (Endpoint, Variable("AWS_REGION") ?? Variable("AWS_DEFAULT_REGION") ?? "us-east-1");
            // Only Amazon's has a host name for each bucket.
            config.ForcePathStyle = true;
        }

        return Keys is null ? new(config) : new(Keys, config);
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
