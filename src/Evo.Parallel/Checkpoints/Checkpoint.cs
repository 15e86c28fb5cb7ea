using System.Security.Cryptography;
using System.Text;
using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>A committed checkpoint: its files, and what its manifest says of them.</summary>
/// <param name="Files">Its files.</param>
/// <param name="Manifest">What it says of itself; sound in itself.</param>
public sealed record Checkpoint(ICheckpointFiles Files, Manifest Manifest)
{
    /// <summary>Name of the manifest among a checkpoint's files.</summary>
    public const string ManifestFile = "manifest.json";

    private const string Resume = "Resume from an older checkpoint or restore the file.";

    /// <summary>Where it is.</summary>
    public string Place => Files.Place;

    /// <summary>Reads a checkpoint's manifest; its files are not looked at.</summary>
    /// <exception cref="CheckpointException">It is missing, was never committed, or its manifest is damaged.</exception>
    public static Checkpoint Open(ICheckpointFiles files)
    {
        var path = $"{files.Place}/{ManifestFile}";
        if (files.Length(ManifestFile) is null)
        {
            throw new CheckpointException(
                CheckpointFault.NotCommitted,
                $"{files.Place}: holds no {ManifestFile}: it is not a checkpoint that Evo committed; give a checkpoint's folder, or load a Hugging Face folder with ckpt.load_ckpt_info.ckpt_type \"hf\".");
        }

        Manifest manifest;
        try
        {
            manifest = Manifest.Parse(path, TextOf(files, ManifestFile));
        }
        catch (FormatException error)
        {
            throw new CheckpointException(
                CheckpointFault.Damaged, $"{error.Message}. The manifest was altered or cut short; resume from an older checkpoint.", error);
        }

        return manifest.Problems is { IsEmpty: false } problems
            ? throw new CheckpointException(CheckpointFault.Damaged, $"{path}: {problems[0]}. The manifest was altered; resume from an older checkpoint.")
            : new(files, manifest);
    }

    /// <summary>The checkpoint in a folder or at an address, every file checked against its manifest.</summary>
    /// <exception cref="CheckpointException">It is missing, was never committed, or is damaged; the message names the file.</exception>
    public static Checkpoint Read(string place)
    {
        if (!ObjectAddress.Names(place) && !Directory.Exists(place))
        {
            throw new CheckpointException(
                CheckpointFault.Missing, $"{place}: there is no such folder; give the folder of a checkpoint, such as runs/<job_name>/checkpoints/<step>.");
        }

        var checkpoint = Open(CheckpointPlace.Files(place));
        checkpoint.Check();
        return checkpoint;
    }

    /// <summary>The newest checkpoint of a store that is whole; null if there is none.</summary>
    /// <param name="store">The store.</param>
    /// <param name="refused">Told of every newer one that is not, and why.</param>
    public static Checkpoint? Newest(ICheckpointStore store, Action<string, string> refused)
    {
        foreach (var step in store.Steps())
        {
            var files = store.Files(step);
            try
            {
                var checkpoint = Open(files);
                checkpoint.Check();
                return checkpoint;
            }
            catch (CheckpointException error)
            {
                refused(files.Place, error.Message);
                files.Dispose();
            }
        }

        return null;
    }

    /// <summary>A small file as text.</summary>
    /// <exception cref="CheckpointException">It is not there.</exception>
    public string Text(string file) => TextOf(Files, file);

    /// <summary>Checks every so-manieth file against the manifest, byte by byte; all of them unless ranks share the work.</summary>
    /// <param name="rank">This rank's place among those that check.</param>
    /// <param name="ranks">How many there are.</param>
    /// <exception cref="CheckpointException">A file is missing or not what was written; the message names it.</exception>
    public void Check(int rank = 0, int ranks = 1)
    {
        var shares = Spread.Evenly([.. Manifest.Files.Select(file => file.Bytes)], ranks);
        foreach (var (file, share) in Manifest.Files.Zip(shares))
        {
            if (share == rank)
            {
                Check(file);
            }
        }
    }

    private void Check(ManifestFile file)
    {
        var path = $"{Place}/{file.Path}";
        CheckpointException Damaged(string found) => new(
            CheckpointFault.Damaged, $"{path}: {found}; a checkpoint's files must stay as they were written. {Resume}");
        if (Files.Length(file.Path) is not { } length)
        {
            throw Damaged("is missing");
        }

        if (length != file.Bytes)
        {
            throw Damaged($"has {length} bytes where the manifest says {file.Bytes}: it was {(length < file.Bytes ? "cut short" : "altered")}");
        }

        try
        {
            if (ChecksumOf(file.Path, length) is var found && found != file.Sha256)
            {
                throw Damaged($"has the checksum {found[..12]}… where the manifest says {file.Sha256[..Math.Min(12, file.Sha256.Length)]}…: its bytes were altered");
            }
        }
        catch (DataException error)
        {
            throw new CheckpointException(CheckpointFault.Damaged, $"{path}: cannot be read: {error.Message}", error);
        }
    }

    private string ChecksumOf(string file, long length)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        for (long at = 0; at < length;)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at));
            Files.Read(file, at, part);
            hash.AppendData(part);
            at += part.Length;
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string TextOf(ICheckpointFiles files, string file)
    {
        if (files.Length(file) is not { } length)
        {
            throw new CheckpointException(CheckpointFault.Damaged, $"{files.Place}: holds no {file}: it is not a training checkpoint of Evo");
        }

        try
        {
            var bytes = new byte[checked((int)length)];
            files.Read(file, 0, bytes);
            return Encoding.UTF8.GetString(bytes);
        }
        catch (DataException error)
        {
            throw new CheckpointException(CheckpointFault.Damaged, $"{files.Place}/{file}: cannot be read: {error.Message}", error);
        }
    }
}
