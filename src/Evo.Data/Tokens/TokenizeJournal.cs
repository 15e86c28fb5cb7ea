using System.Text.Json;

namespace Evo.Data;

/// <summary>How much of an output stands where reading is at some place.</summary>
internal readonly record struct TokenizedPart(long RecordBytes, int Documents, long Tokens, long TextBytes);

/// <summary>An input as it was when it was read, and the output before its first document.</summary>
internal sealed record TokenizedInput(string Name, long Bytes, long Modified, TokenizedPart Before);

/// <summary>
/// What an interrupted run leaves for the next: the inputs that it has begun, the place in the last of them, and how much of the
/// output belongs to that. Inputs that have changed since are read again, with all that follow them.
/// </summary>
/// <param name="Settings">A fingerprint of tokenizer and options.</param>
internal sealed record TokenizeJournal(string Settings, IReadOnlyList<TokenizedInput> Inputs, DocumentPlace Place, long FileBytes, TokenizedPart Done)
{
    /// <summary>A journal of nothing.</summary>
    public static TokenizeJournal Start(string settings) => new(settings, [], default, 0, default);

    /// <summary>The journal in UTF-8.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this);

    /// <summary>What an earlier run left for these settings and inputs; <see cref="Start"/> where it left nothing of use.</summary>
    public static TokenizeJournal Load(string path, string settings, IReadOnlyList<string> inputs)
    {
        var left = Read(path);
        if (left is null || left.Settings != settings || left.Inputs is not { Count: > 0 }) return Start(settings);
        var same = 0;
        while (same < left.Inputs.Count && same < inputs.Count && left.Inputs[same] == Now(inputs[same], left.Inputs[same].Before)) same++;
        if (same == left.Inputs.Count) return left;
        // The input after the last unchanged one is begun anew: the output before it counts.
        return new TokenizeJournal(settings, [.. left.Inputs.Take(same)], default, 0, left.Inputs[same].Before) { BetweenInputs = true };
    }

    /// <summary>Whether the next document is the first of the input after those that were begun.</summary>
    public bool BetweenInputs { get; init; } = Inputs.Count == 0;

    /// <summary>An input as it is now.</summary>
    public static TokenizedInput Now(string input, TokenizedPart before)
    {
        var file = new FileInfo(input);
        return new TokenizedInput(input, TextFiles.Size(input), file.LastWriteTimeUtc.Ticks, before);
    }

    private static TokenizeJournal? Read(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<TokenizeJournal>(File.ReadAllBytes(path)) : null;
        }
        catch (Exception error) when (error is JsonException or ArgumentException || DataException.IsFromSystem(error))
        {
            return null; // half a journal is worth no more than none
        }
    }
}
