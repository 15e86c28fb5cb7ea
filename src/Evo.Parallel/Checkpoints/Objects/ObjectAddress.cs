using Evo.Data;

namespace Evo.Parallel;

/// <summary>Where objects lie in an object store: <c>s3://bucket/prefix</c>.</summary>
/// <param name="Bucket">The bucket.</param>
/// <param name="Prefix">What every key begins with, without a slash at its end; empty for the whole bucket.</param>
public sealed record ObjectAddress(string Bucket, string Prefix)
{
    private const string Scheme = "s3://";

    /// <summary>Whether a place is in an object store, rather than a folder.</summary>
    public static bool Names(string place) => place.StartsWith(Scheme, StringComparison.Ordinal);

    /// <summary>Reads an address.</summary>
    /// <exception cref="DataException">It is none.</exception>
    public static ObjectAddress Parse(string place)
    {
        if (!Names(place) || place[Scheme.Length..].Split('/', 2) is not [{ Length: > 0 } bucket, ..] parts)
        {
            throw new DataException(place, "it is no address in an object store", "it must be s3://bucket/prefix");
        }

        return new(bucket, parts.Length > 1 ? parts[1].Trim('/') : "");
    }

    /// <summary>The address of something below this one.</summary>
    public ObjectAddress Below(string name) => this with { Prefix = Key(name) };

    /// <summary>The key of an object below this address.</summary>
    public string Key(string name) => Prefix == "" ? name : $"{Prefix}/{name}";

    /// <summary>The address as it is written.</summary>
    public override string ToString() => Prefix == "" ? Scheme + Bucket : $"{Scheme}{Bucket}/{Prefix}";
}
