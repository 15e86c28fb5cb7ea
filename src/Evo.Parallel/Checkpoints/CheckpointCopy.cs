using Evo.Data;

namespace Evo.Parallel;

/// <summary>Brings a checkpoint into a folder, from wherever it is: whole and checked, or not at all.</summary>
public static class CheckpointCopy
{
    private const int Piece = 8 << 20;

    /// <summary>Copies every file of a checkpoint into a folder that is not there yet; it appears by one rename.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="output">The folder.</param>
    /// <param name="progress">Told the bytes that are there, of all.</param>
    /// <exception cref="CheckpointException">A file is missing or not what was written.</exception>
    /// <exception cref="DataException">The folder is there already or cannot be written, or the store refuses.</exception>
    public static void Into(Checkpoint checkpoint, string output, IProgress<(long Done, long All)>? progress = null)
    {
        using var staging = OutputFolder.Stage(output, checkpoint.Place, force: false);
        var (done, all) = (0L, checkpoint.Manifest.Files.Sum(file => file.Bytes));
        try
        {
            foreach (var file in checkpoint.Manifest.Files)
            {
                using var stream = File.Create(Path.Combine(staging.Path, file.Path));
                var buffer = new byte[Math.Min(Piece, file.Bytes)];
                for (long at = 0; at < file.Bytes; at += buffer.Length)
                {
                    var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, file.Bytes - at));
                    checkpoint.Files.Read(file.Path, at, part);
                    stream.Write(part);
                    progress?.Report((done += part.Length, all));
                }
            }

            File.WriteAllText(Path.Combine(staging.Path, Checkpoint.ManifestFile), checkpoint.Text(Checkpoint.ManifestFile));
            Checkpoint.Read(staging.Path).Files.Dispose();
            staging.Commit();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DataException.FromSystem(output, "write", error);
        }
    }
}
