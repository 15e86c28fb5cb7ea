using System.Net;
using System.Xml;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Evo.Data;
using Tasks = System.Threading.Tasks.Parallel;

namespace Evo.Parallel;

/// <summary>
/// What checkpoints need of a bucket: whole objects put, stretches of them read, names listed, objects deleted. A request that the
/// store fails is made again, with growing pauses; what fails for good is one error with the object's address.
/// </summary>
/// <param name="server">The store.</param>
/// <param name="name">The bucket.</param>
internal sealed class Bucket(ObjectServer server, string name)
{
    /// <summary>Bytes of one part of a large object; larger only where an object would have too many.</summary>
    internal const long PartBytes = 16 << 20;

    private const int MostParts = 10_000;
    private const int PartsAtOnce = 4;
    private const int DeletedAtOnce = 8;
    private const int BodyTries = 6;

    // For as long as the process lives, as its connections are.
    private readonly Lazy<AmazonS3Client> client = new(server.Connect);

    /// <summary>Bytes of an object; null where there is none.</summary>
    /// <exception cref="DataException">The store refuses.</exception>
    internal long? Length(string key) => Ask(key, "read", async s3 =>
    {
        try
        {
            return (await s3.GetObjectMetadataAsync(name, key).ConfigureAwait(false)).ContentLength;
        }
        catch (AmazonS3Exception error) when (IsMissing(error))
        {
            return (long?)null;
        }
    });

    /// <summary>A stretch of an object.</summary>
    /// <exception cref="DataException">The store refuses, or the object ends before.</exception>
    internal byte[] Read(string key, long offset, int count) => count == 0 ? [] : Ask(key, "read", s3 => Body(
        () => s3.GetObjectAsync(new() { BucketName = name, Key = key, ByteRange = new(offset, offset + count - 1) }),
        async body =>
        {
            var bytes = new byte[count];
            await body.ReadExactlyAsync(bytes).ConfigureAwait(false);
            return bytes;
        }));

    /// <summary>A small object, whole; null where there is none.</summary>
    /// <exception cref="DataException">The store refuses.</exception>
    internal byte[]? Read(string key) => Ask(key, "read", async s3 =>
    {
        try
        {
            return await Body(
                () => s3.GetObjectAsync(name, key),
                async body =>
                {
                    using var bytes = new MemoryStream();
                    await body.CopyToAsync(bytes).ConfigureAwait(false);
                    return bytes.ToArray();
                }).ConfigureAwait(false);
        }
        catch (AmazonS3Exception error) when (IsMissing(error))
        {
            return null;
        }
    });

    /// <summary>Puts a file: it is there whole, or not at all; a large one goes in parts, some at a time.</summary>
    /// <exception cref="DataException">The store refuses.</exception>
    internal void Put(string key, string path)
    {
        var length = new FileInfo(path).Length;
        Ask(key, "write", async s3 =>
        {
            if (length <= PartBytes)
            {
                await s3.PutObjectAsync(new() { BucketName = name, Key = key, FilePath = path, UseChunkEncoding = false }).ConfigureAwait(false);
            }
            else
            {
                await PutInParts(s3, key, path, length).ConfigureAwait(false);
            }

            return true;
        });
    }

    /// <summary>Puts a few bytes.</summary>
    /// <exception cref="DataException">The store refuses.</exception>
    internal void Put(string key, byte[] bytes) => Ask(key, "write", async s3 =>
    {
        using var stream = new MemoryStream(bytes);
        await s3.PutObjectAsync(new() { BucketName = name, Key = key, InputStream = stream, UseChunkEncoding = false }).ConfigureAwait(false);
        return true;
    });

    /// <summary>Keys that begin with a prefix, in order; those with a further slash only up to it, once each.</summary>
    /// <exception cref="DataException">The store refuses.</exception>
    internal IReadOnlyList<string> Children(string prefix) => List(prefix, "/");

    /// <summary>All keys that begin with a prefix.</summary>
    /// <exception cref="DataException">The store refuses.</exception>
    internal IReadOnlyList<string> Under(string prefix) => List(prefix, null);

    /// <summary>Deletes objects; those that are not there count as deleted.</summary>
    /// <exception cref="DataException">The store refuses.</exception>
    internal void Delete(IReadOnlyList<string> keys)
    {
        if (keys.Count == 0)
        {
            return;
        }

        // One by one: stores differ in how they want a list of keys signed.
        Ask(keys[0], "delete", async s3 =>
        {
            await Tasks.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = DeletedAtOnce }, async (key, stop) =>
                await s3.DeleteObjectAsync(name, key, stop).ConfigureAwait(false)).ConfigureAwait(false);
            return true;
        });
    }

    /// <summary>Gives up what killed processes began to put in parts: it takes room, and nobody sees it.</summary>
    /// <exception cref="DataException">The store refuses.</exception>
    internal void AbortUploads(string prefix) => Ask(prefix, "clean", async s3 =>
    {
        var found = await s3.ListMultipartUploadsAsync(new ListMultipartUploadsRequest { BucketName = name, Prefix = prefix }).ConfigureAwait(false);
        foreach (var upload in found.MultipartUploads ?? [])
        {
            await Abort(s3, upload.Key, upload.UploadId).ConfigureAwait(false);
        }

        return true;
    });

    // What is made of an answer's body; asked again where the connection breaks within it: the SDK repeats a request only until the answer begins.
    private static async Task<byte[]> Body(Func<Task<GetObjectResponse>> ask, Func<Stream, Task<byte[]>> read)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var answer = await ask().ConfigureAwait(false);
                return await read(answer.ResponseStream).ConfigureAwait(false);
            }
            catch (IOException) when (attempt < BodyTries)
            {
                await Task.Delay(100 << attempt).ConfigureAwait(false);
            }
        }
    }

    private static bool IsMissing(AmazonS3Exception error) => error.StatusCode == HttpStatusCode.NotFound && error.ErrorCode != "NoSuchBucket";

    private async Task PutInParts(AmazonS3Client s3, string key, string path, long length)
    {
        var size = Math.Max(PartBytes, (length + MostParts - 1) / MostParts);
        var upload = (await s3.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest { BucketName = name, Key = key }).ConfigureAwait(false)).UploadId;
        try
        {
            var parts = new PartETag[(length + size - 1) / size];
            await Tasks.ForEachAsync(Enumerable.Range(0, parts.Length), new ParallelOptions { MaxDegreeOfParallelism = PartsAtOnce }, async (part, stop) =>
            {
                var answer = await s3.UploadPartAsync(
                    new()
                    {
                        BucketName = name,
                        Key = key,
                        UploadId = upload,
                        PartNumber = part + 1,
                        FilePath = path,
                        FilePosition = part * size,
                        PartSize = Math.Min(size, length - part * size),
                        UseChunkEncoding = false,
                    },
                    stop).ConfigureAwait(false);
                parts[part] = new(part + 1, answer.ETag);
            }).ConfigureAwait(false);
            await s3.CompleteMultipartUploadAsync(new() { BucketName = name, Key = key, UploadId = upload, PartETags = [.. parts] }).ConfigureAwait(false);
        }
        catch
        {
            await Abort(s3, key, upload).ConfigureAwait(false);
            throw;
        }
    }

    private async Task Abort(AmazonS3Client s3, string key, string upload)
    {
        try
        {
            await s3.AbortMultipartUploadAsync(new AbortMultipartUploadRequest { BucketName = name, Key = key, UploadId = upload }).ConfigureAwait(false);
        }
        catch (AmazonServiceException)
        {
            // Ended by somebody else, or the store is gone: the next start cleans up, and the first error is the one to tell.
        }
    }

    private IReadOnlyList<string> List(string prefix, string? delimiter) => Ask(prefix, "list", async s3 =>
    {
        List<string> keys = [];
        var request = new ListObjectsV2Request { BucketName = name, Prefix = prefix, Delimiter = delimiter };
        await foreach (var page in s3.Paginators.ListObjectsV2(request).Responses.ConfigureAwait(false))
        {
            keys.AddRange((page.S3Objects ?? []).Select(found => found.Key));
            keys.AddRange(page.CommonPrefixes ?? []);
        }

        return (IReadOnlyList<string>)keys;
    });

    private T Ask<T>(string key, string action, Func<AmazonS3Client, Task<T>> request)
    {
        try
        {
            return request(client.Value).GetAwaiter().GetResult();
        }
        catch (Exception error) when (error is AmazonServiceException or AmazonClientException or HttpRequestException or IOException or OperationCanceledException
            or UriFormatException or XmlException)
        {
            var code = (error as AmazonServiceException)?.ErrorCode is { Length: > 0 } given ? given + ": " : "";
            throw new DataException(
                $"s3://{name}/{key}", $"cannot {action}: {code}{error.Message.TrimEnd('.')}", "the object store must answer and allow it", Next(error), error);
        }
    }

    private static string Next(Exception error) => (error as AmazonServiceException)?.ErrorCode switch
    {
        "NoSuchBucket" => "make the bucket, or give another",
        "AccessDenied" or "InvalidAccessKeyId" or "SignatureDoesNotMatch" =>
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE), and what they may do with the bucket",
        _ => "check AWS_ENDPOINT_URL, AWS_REGION and the keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)",
    };
}
