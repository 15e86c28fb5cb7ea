using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Evo.Data;

/// <summary>
/// Writes different texts into a .jsonl for training and one for validation. A text that came before is dropped, so
/// none is in both; where a text goes depends on its own hash only, so more data moves nothing.
/// </summary>
internal sealed class HeldOutSplit : IDisposable
{
    private readonly double share;
    private readonly AtomicFile train;
    private readonly AtomicFile? valid;
    private readonly HashSet<UInt128> seen = [];

    /// <summary>Different texts so far, of which <see cref="Valid"/> were held out, and their bytes.</summary>
    public int Distinct => seen.Count;

    public int Train => Distinct - Valid;

    public int Valid { get; private set; }

    public long TextBytes { get; private set; }

    /// <summary>Opens both files; a share of 0 writes none for validation.</summary>
    public HeldOutSplit(double share, string trainPath, string validPath)
    {
        if (!(share is >= 0 and < 1)) throw new DataException("held-out share", $"{share}", "it must be 0 or more, and below 1");
        this.share = share;
        train = new AtomicFile(trainPath);
        try
        {
            valid = share > 0 ? new AtomicFile(validPath) : null;
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    /// <summary>Writes a text where it belongs, unless it came before.</summary>
    public void Add(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        var hash = Hash(utf8);
        if (!seen.Add(hash)) return;
        TextBytes += utf8.Length;
        var heldOut = valid is not null && (uint)(hash >> 96) < share * (uint.MaxValue + 1.0);
        if (heldOut) Valid++;
        var file = heldOut ? valid! : train;
        try
        {
            file.Stream.Write("{\"text\": \""u8);
            file.Stream.Write(JsonEncodedText.Encode(utf8, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes);
            file.Stream.Write("\"}\n"u8);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(file.Path, "write", error);
        }
    }

    /// <summary>Gives the files their names. The source is for the message when one of them has nothing in it.</summary>
    public void Complete(string source)
    {
        if (Distinct == 0) throw new DataException(source, "no text at all", "there must be some to train on", "check the input");
        if (Train == 0 || valid is not null && Valid == 0)
            throw new DataException(source, $"{Distinct} different texts, of which {Valid} were held out", "both parts must have some",
                "give more text, or choose another held-out share");
        train.Complete();
        valid?.Complete();
    }

    public void Dispose()
    {
        train.Dispose();
        valid?.Dispose();
    }

    /// <summary>128 bits that are the text's own, the same on every machine.</summary>
    public static UInt128 Hash(ReadOnlySpan<byte> utf8)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(utf8, hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }
}
