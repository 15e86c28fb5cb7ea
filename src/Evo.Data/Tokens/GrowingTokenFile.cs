using System.Buffers.Binary;

namespace Evo.Data;

/// <summary>
/// A token file that is written by several runs of a program, one after the other: records and their table grow in
/// <c>X.bin.partial</c> and <c>X.bin.meta.partial</c>, <c>X.bin.progress</c> says how much of both counts. Only one process may write.
/// The result is byte for byte what <see cref="TokenFileWriter"/> writes.
/// </summary>
internal sealed class GrowingTokenFile : IDisposable
{
    private static readonly int HeaderBytes = NpyTable.HeaderFor(0, 2).Length; // the same for every number of rows

    private readonly string path;
    private readonly FileStream records, table;

    /// <summary>Bytes of records so far.</summary>
    public long RecordBytes { get; private set; }

    /// <summary>Documents so far.</summary>
    public int Documents { get; private set; }

    /// <summary>Opens the two files, whatever an earlier run left in them; throws <see cref="DataException"/> when another process writes them.</summary>
    public GrowingTokenFile(string path)
    {
        this.path = path;
        records = OpenPart(path + ".partial");
        try
        {
            table = OpenPart(path + ".meta.partial");
        }
        catch
        {
            records.Dispose();
            throw;
        }
    }

    /// <summary>Where the progress of a token file is kept.</summary>
    public static string ProgressPath(string path) => path + ".progress";

    /// <summary>Cuts both files to what an earlier run has finished; false where they hold less.</summary>
    public bool KeepOnly(long recordBytes, int documents)
    {
        var tableBytes = HeaderBytes + 16L * documents;
        if (documents > 0 && (records.Length < recordBytes || table.Length < tableBytes)) return false;
        System(() =>
        {
            records.SetLength(recordBytes);
            table.SetLength(tableBytes);
            records.Position = recordBytes;
            table.Position = tableBytes;
        });
        (RecordBytes, Documents) = (recordBytes, documents);
        return true;
    }

    /// <summary>Adds a record that <see cref="TokenFileWriter.Format"/> made.</summary>
    public void Append(ReadOnlySpan<byte> record, int tokens)
    {
        Span<byte> row = stackalloc byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(row, RecordBytes);
        BinaryPrimitives.WriteInt64LittleEndian(row[8..], tokens);
        try
        {
            records.Write(record);
            table.Write(row);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "write", error);
        }
        RecordBytes += record.Length;
        Documents = checked(Documents + 1);
    }

    /// <summary>Everything so far is on the disk, and then the words that say so.</summary>
    public void Keep(ReadOnlySpan<byte> progress)
    {
        Flush();
        using var file = new AtomicFile(ProgressPath(path), durable: true);
        file.Stream.Write(progress);
        file.Complete();
    }

    /// <summary>Gives both files their names, the table last.</summary>
    public void Complete()
    {
        System(() =>
        {
            table.Position = 0;
            table.Write(NpyTable.HeaderFor(Documents, 2));
        });
        Flush();
        Dispose();
        System(() =>
        {
            File.Delete(path + ".meta"); // so that a kill between the two names leaves no table beside a file that is not its own
            File.Move(path + ".partial", path, overwrite: true);
            File.Move(path + ".meta.partial", path + ".meta", overwrite: true);
            File.Delete(ProgressPath(path));
        });
    }

    /// <summary>Removes what was written.</summary>
    public void Discard()
    {
        Dispose();
        File.Delete(path + ".partial");
        File.Delete(path + ".meta.partial");
        File.Delete(ProgressPath(path));
    }

    public void Dispose()
    {
        foreach (var stream in new[] { records, table })
            try
            {
                stream.Dispose(); // flushes: a full disk may speak up again here, after the first error was reported
            }
            catch (IOException)
            {
            }
    }

    private void Flush() => System(() =>
    {
        records.Flush(flushToDisk: true);
        table.Flush(flushToDisk: true);
    });

    private void System(Action act)
    {
        try
        {
            act();
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "write", error);
        }
    }

    private FileStream OpenPart(string part)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(part))!);
            return new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 16);
        }
        catch (IOException error) when (File.Exists(part) && error is not (DirectoryNotFoundException or PathTooLongException))
        {
            throw new DataException(part, $"cannot be written: {error.Message}", "one process at a time writes a token file", "wait for the other, or choose another output", error);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "write", error);
        }
    }
}
