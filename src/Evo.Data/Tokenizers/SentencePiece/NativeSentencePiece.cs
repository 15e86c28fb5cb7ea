using System.Runtime.InteropServices;

namespace Evo.Data;

/// <summary>The C functions of native/evo_sentencepiece.cpp. Each returns null or a message for <see cref="Take"/>.</summary>
internal static unsafe partial class NativeSentencePiece
{
    internal const string Library = "evo_sentencepiece";

    static NativeSentencePiece() => NativeLibrary.SetDllImportResolver(typeof(NativeSentencePiece).Assembly, SentencePieceLibrary.Resolve);

    [LibraryImport(Library, EntryPoint = "evo_sp_free")]
    public static partial void Free(void* memory);

    [LibraryImport(Library, EntryPoint = "evo_sp_load")]
    public static partial byte* Load(byte* model, long length, out nint processor);

    [LibraryImport(Library, EntryPoint = "evo_sp_unload")]
    public static partial void Unload(nint processor);

    [LibraryImport(Library, EntryPoint = "evo_sp_ids")]
    public static partial void Ids(nint processor, int* ids);

    [LibraryImport(Library, EntryPoint = "evo_sp_encode")]
    public static partial byte* Encode(nint processor, byte* text, long length, out int* ids, out long count);

    [LibraryImport(Library, EntryPoint = "evo_sp_encode_spans")]
    public static partial byte* EncodeSpans(nint processor, byte* text, long length, out byte* message, out long count);

    [LibraryImport(Library, EntryPoint = "evo_sp_decode")]
    public static partial byte* Decode(nint processor, int* ids, long count, out byte* text, out long length);

    [LibraryImport(Library, EntryPoint = "evo_sp_train")]
    public static partial byte* Train(
        byte** options, int count, delegate* unmanaged<void*, byte**, long*, int> next, void* state, out byte* model, out long length);

    /// <summary>The text of a message, which is freed; null when there is none.</summary>
    public static string? Take(byte* message)
    {
        if (message == null) return null;
        var text = Marshal.PtrToStringUTF8((nint)message);
        Free(message);
        return text;
    }
}
