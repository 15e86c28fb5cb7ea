using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Evo.Data;

/// <summary>
/// Writes that survive a power cut: a file is durable when its bytes and the folder entry that names it have both been flushed.
/// .NET flushes files but cannot flush a folder, so this calls the C library.
/// </summary>
public static partial class DurableFiles
{
    /// <summary>Flushes the bytes of <paramref name="path"/> to the disk.</summary>
    /// <exception cref="IOException">The file cannot be opened or the disk refuses; the message keeps the system's text.</exception>
    public static void SyncFile(string path) => Sync(path, ReadOnly);

    /// <summary>Flushes the entries of a folder to the disk, so that files created or renamed in it stay after a power cut.</summary>
    /// <exception cref="IOException">The folder cannot be opened or the disk refuses.</exception>
    public static void SyncFolder(string path) => Sync(path, ReadOnly | Directory);

    /// <summary>Makes a finished file appear under its final name in one step, replacing what stood there: flush, rename, flush the folder.</summary>
    /// <param name="temporaryPath">A complete file in the same file system as <paramref name="finalPath"/>.</param>
    /// <param name="finalPath">The name that readers use.</param>
    public static void ReplaceAtomically(string temporaryPath, string finalPath)
    {
        SyncFile(temporaryPath);
        File.Move(temporaryPath, finalPath, overwrite: true);
        SyncFolder(Path.GetDirectoryName(Path.GetFullPath(finalPath))!);
    }

    private const int ReadOnly = 0, Directory = 0x10000;

    private static void Sync(string path, int flags)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var descriptor = Open(path, flags);
        if (descriptor < 0)
        {
            throw Failed(path);
        }

        try
        {
            if (Fsync(descriptor) != 0)
            {
                throw Failed(path);
            }
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static IOException Failed(string path) =>
        new($"{path}: cannot flush to the disk: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
