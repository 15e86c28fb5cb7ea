using System.Text;

namespace Evo.Data;

/// <summary>What a piece of a sentencepiece vocabulary is for; the values are those of the file.</summary>
public enum PieceType
{
    /// <summary>Text.</summary>
    Normal = 1,

    /// <summary>The stand-in for text outside the vocabulary.</summary>
    Unknown = 2,

    /// <summary>A mark that text never produces, as the beginning and the end of a document.</summary>
    Control = 3,

    /// <summary>Text that is always one token where it occurs.</summary>
    UserDefined = 4,

    /// <summary>A place that nothing uses.</summary>
    Unused = 5,

    /// <summary>One byte, for characters outside the vocabulary.</summary>
    Byte = 6,
}

/// <summary>
/// The parts of a sentencepiece <c>.model</c> file that Evo itself reads: the pieces and the switches that decide how
/// text is encoded. The file is a protobuf message; an absent field means its default.
/// </summary>
internal sealed class SentencePieceModel
{
    /// <summary>Text, score and type of each id.</summary>
    public List<(string Text, float Score, PieceType Type)> Pieces { get; } = [];

    /// <summary>1 unigram, 2 BPE, 3 word, 4 char.</summary>
    public int ModelType { get; private set; } = 1;

    /// <summary>Whether characters outside the vocabulary become byte pieces.</summary>
    public bool ByteFallback { get; private set; }

    /// <summary>The name of the normalizer.</summary>
    public string Normalizer { get; private set; } = "";

    /// <summary>Whether a space is put before the text.</summary>
    public bool AddDummyPrefix { get; private set; } = true;

    /// <summary>Whether that space is put behind the text instead.</summary>
    public bool WhitespaceAsSuffix { get; private set; }

    /// <summary>Whether runs of spaces become one, and those at the ends none.</summary>
    public bool RemoveExtraWhitespaces { get; private set; } = true;

    /// <summary>Whether a space is written U+2581.</summary>
    public bool EscapeWhitespaces { get; private set; } = true;

    /// <summary>Whether characters are replaced by a table of the model.</summary>
    public bool HasCharacterMap { get; private set; }

    /// <summary>Whether every piece is UTF-8, as it should be.</summary>
    public bool IsUtf8 { get; private set; } = true;

    /// <summary>Reads a model; throws <see cref="DataException"/> at the byte where the file is none.</summary>
    public static SentencePieceModel Read(string path, ReadOnlySpan<byte> file)
    {
        var model = new SentencePieceModel();
        var fields = new ProtobufFields(path, file);
        while (fields.Next())
        {
            if (fields is { Number: 1, Wire: 2 }) model.ReadPiece(path, fields.Bytes);
            else if (fields is { Number: 2, Wire: 2 }) model.ReadTrainer(path, fields.Bytes);
            else if (fields is { Number: 3, Wire: 2 }) model.ReadNormalizer(path, fields.Bytes);
        }
        if (model.Pieces.Count == 0)
            throw new DataException(path, "no pieces", "a sentencepiece model must hold a vocabulary", "check that this is a sentencepiece .model file");
        return model;
    }

    /// <summary>
    /// The file with user-defined pieces made control pieces: where a chat format uses such a place of the vocabulary for
    /// a mark, the text that the place was made for must not become the mark.
    /// </summary>
    public static byte[] WithMarks(string path, ReadOnlySpan<byte> file, IReadOnlySet<int> marks)
    {
        var changed = file.ToArray();
        var id = 0;
        var fields = new ProtobufFields(path, changed);
        while (fields.Next())
        {
            if (fields is not { Number: 1, Wire: 2 }) continue;
            if (marks.Contains(id++)) MakeControl(path, changed.AsSpan(fields.At - fields.Bytes.Length, fields.Bytes.Length));
        }
        return changed;
    }

    private static void MakeControl(string path, Span<byte> piece)
    {
        var fields = new ProtobufFields(path, piece);
        while (fields.Next())
            if (fields is { Number: 3, Wire: 0, Value: (ulong)PieceType.UserDefined }) piece[fields.At - 1] = (byte)PieceType.Control;
    }

    private void ReadPiece(string path, ReadOnlySpan<byte> message)
    {
        var (text, score, type) = ("", 0f, PieceType.Normal);
        var fields = new ProtobufFields(path, message);
        while (fields.Next())
        {
            if (fields is { Number: 1, Wire: 2 })
            {
                text = Encoding.UTF8.GetString(fields.Bytes);
                IsUtf8 &= System.Text.Unicode.Utf8.IsValid(fields.Bytes);
            }
            else if (fields is { Number: 2, Wire: 5 }) score = BitConverter.UInt32BitsToSingle((uint)fields.Value);
            else if (fields is { Number: 3, Wire: 0 }) type = (PieceType)fields.Value;
        }
        if (!Enum.IsDefined(type))
            throw new DataException(path, $"piece {Pieces.Count} has type {(int)type}", "types are 1 to 6", "check that this is a sentencepiece .model file");
        Pieces.Add((text, score, type));
    }

    private void ReadTrainer(string path, ReadOnlySpan<byte> message)
    {
        var fields = new ProtobufFields(path, message);
        while (fields.Next())
        {
            if (fields is { Number: 3, Wire: 0 }) ModelType = (int)fields.Value;
            else if (fields is { Number: 24, Wire: 0 }) WhitespaceAsSuffix = fields.Value != 0;
            else if (fields is { Number: 35, Wire: 0 }) ByteFallback = fields.Value != 0;
        }
    }

    private void ReadNormalizer(string path, ReadOnlySpan<byte> message)
    {
        var fields = new ProtobufFields(path, message);
        while (fields.Next())
        {
            if (fields is { Number: 1, Wire: 2 }) Normalizer = Encoding.UTF8.GetString(fields.Bytes);
            else if (fields is { Number: 2, Wire: 2 }) HasCharacterMap = fields.Bytes.Length > 0;
            else if (fields is { Number: 3, Wire: 0 }) AddDummyPrefix = fields.Value != 0;
            else if (fields is { Number: 4, Wire: 0 }) RemoveExtraWhitespaces = fields.Value != 0;
            else if (fields is { Number: 5, Wire: 0 }) EscapeWhitespaces = fields.Value != 0;
        }
    }
}
