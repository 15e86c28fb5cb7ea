using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Evo.Data;

/// <summary>What one file of a data set was: its name inside the folder, its size, and a hash of its table of documents.</summary>
public sealed record FileFingerprint(string Name, long Bytes, string Meta);

/// <summary>
/// What a data set was when a run began, so that a run which resumes can tell whether it is still the same. Token
/// bytes themselves are not hashed: names, sizes and the place and length of every document are.
/// </summary>
public sealed record DataFingerprint(IReadOnlyList<FileFingerprint> Files)
{
    /// <summary>A short name for the whole: 16 hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Serialize())))[..16];

    public bool Equals(DataFingerprint? other) => other is not null && Files.SequenceEqual(other.Files);

    public override int GetHashCode() => Files.Count == 0 ? 0 : HashCode.Combine(Files.Count, Files[0]);

    /// <summary>One line of JSON that <see cref="Parse"/> reads.</summary>
    public string Serialize() => JsonSerializer.Serialize(Files, FingerprintJson.Default.IReadOnlyListFileFingerprint);

    /// <summary>Reads what <see cref="Serialize"/> wrote; throws <see cref="DataException"/> where it is something else.</summary>
    public static DataFingerprint Parse(string text)
    {
        try
        {
            var files = JsonSerializer.Deserialize(text, FingerprintJson.Default.IReadOnlyListFileFingerprint);
            if (files is not null && files.All(file => file is { Name: not null, Meta: not null })) return new DataFingerprint(files);
        }
        catch (JsonException)
        {
        }
        throw new DataException("data fingerprint", $"\"{(text.Length > 80 ? text[..80] + "…" : text)}\"", "it must be the JSON that a run stored");
    }

    /// <summary>Null when the other is the same; else what differs, by file name, for a person.</summary>
    /// <param name="now">The data as it is now; this is the data as it was.</param>
    public string? Difference(DataFingerprint now)
    {
        var (before, after) = (Files.ToDictionary(file => file.Name), now.Files.ToDictionary(file => file.Name));
        List<string> differences =
        [
            .. before.Values.Where(file => !after.ContainsKey(file.Name)).Select(file => $"{file.Name} is gone"),
            .. after.Values.Where(file => !before.ContainsKey(file.Name)).Select(file => $"{file.Name} is new"),
            .. before.Values.Where(file => after.TryGetValue(file.Name, out var other) && other != file).Select(file =>
                after[file.Name].Bytes != file.Bytes
                    ? $"{file.Name} had {file.Bytes} bytes and has {after[file.Name].Bytes}"
                    : $"{file.Name} has other documents (its .meta changed)"),
        ];
        if (differences.Count == 0) return Files.SequenceEqual(now.Files) ? null : "the files are in another order";
        return string.Join(", ", differences.Take(5)) + (differences.Count > 5 ? $" and {differences.Count - 5} more" : "");
    }
}

[JsonSerializable(typeof(IReadOnlyList<FileFingerprint>))]
internal sealed partial class FingerprintJson : JsonSerializerContext;
