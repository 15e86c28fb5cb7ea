using System.Globalization;
using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>A committed checkpoint whose files are all there, whole and unchanged.</summary>
/// <param name="Path">Its folder.</param>
/// <param name="Manifest">What it says of itself.</param>
public sealed record Checkpoint(string Path, Manifest Manifest)
{
    /// <summary>Full path of one of its files.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);
}

/// <summary>
/// The checkpoints of a run: one folder per step. A folder is written under another name, flushed, and renamed once, so what
/// has a step for its name is committed; a manifest with checksums tells whether it is still what was written. Killed at any
/// moment, a run loses nothing that was committed.
/// </summary>
public sealed class CheckpointStore
{
    /// <summary>Name of the manifest in a checkpoint's folder.</summary>
    public const string ManifestFile = "manifest.json";

    private readonly string folder;
    private readonly int keepLast;

    /// <param name="folder">Holds one folder per checkpoint.</param>
    /// <param name="keepLast">Newest checkpoints that are kept; 0 keeps all.</param>
    public CheckpointStore(string folder, int keepLast)
    {
        this.folder = folder;
        this.keepLast = keepLast;
    }

    /// <summary>Makes the folder, removes what a killed process left behind and tries a write, so that a missing permission shows before the first step.</summary>
    /// <exception cref="CheckpointException">The folder cannot be written.</exception>
    public void Open()
    {
        try
        {
            Directory.CreateDirectory(folder);
            StagingFolder.Recover(folder);
            var probe = System.IO.Path.Combine(folder, StagingFolder.Prefix + "probe");
            Directory.CreateDirectory(probe);
            Directory.Delete(probe);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                CheckpointFault.NotWritten,
                $"{folder}: checkpoints cannot be written here: {error.Message} Give the folder to this user, choose another with ckpt.save_ckpt_folder, or set ckpt.enable_save_ckpt to false.",
                error);
        }
    }

    /// <summary>Steps of all committed checkpoints, newest first, whether or not they are still whole.</summary>
    public IReadOnlyList<long> Steps() => Directory.Exists(folder)
        ? [.. Directory.EnumerateDirectories(folder).Select(StagingFolder.StepOf).OfType<long>().OrderDescending()]
        : [];

    /// <summary>The newest checkpoint that is whole; null if there is none.</summary>
    /// <param name="refused">Told of every newer one that is not, and why.</param>
    public Checkpoint? Newest(Action<string, string> refused)
    {
        foreach (var step in Steps())
        {
            var path = PathOf(step);
            try
            {
                return Read(path);
            }
            catch (CheckpointException error)
            {
                refused(path, error.Message);
            }
        }

        return null;
    }

    /// <summary>Reads one checkpoint's manifest and checks every file against it, byte by byte.</summary>
    /// <exception cref="CheckpointException">It is missing, was never committed, or is damaged; the message names the file.</exception>
    public static Checkpoint Read(string path)
    {
        if (!Directory.Exists(path))
        {
            throw new CheckpointException(
                CheckpointFault.Missing, $"{path}: there is no such folder; give the folder of a checkpoint, such as runs/<job_name>/checkpoints/<step>.");
        }

        var manifestPath = System.IO.Path.Combine(path, ManifestFile);
        if (!System.IO.File.Exists(manifestPath))
        {
            throw new CheckpointException(
                CheckpointFault.NotCommitted,
                $"{path}: holds no {ManifestFile}: it is not a checkpoint that Evo committed; give a checkpoint's folder, or load a Hugging Face folder with ckpt.load_ckpt_info.ckpt_type \"hf\".");
        }

        Manifest manifest;
        try
        {
            manifest = Manifest.Parse(manifestPath, System.IO.File.ReadAllText(manifestPath));
        }
        catch (FormatException error)
        {
            throw new CheckpointException(
                CheckpointFault.Damaged, $"{error.Message}. The manifest was altered or cut short; resume from an older checkpoint.", error);
        }

        foreach (var file in manifest.Files)
        {
            CheckFile(path, file);
        }

        return new(path, manifest);
    }

    /// <summary>Writes and commits the checkpoint of a step; from the return on it survives a power cut. Then old ones are removed.</summary>
    /// <param name="step">Steps consumed; names the folder.</param>
    /// <param name="write">Writes all files into the folder that it is given.</param>
    /// <param name="manifest">Makes the manifest, from the list of files with their checksums.</param>
    /// <returns>The committed folder and its bytes.</returns>
    /// <exception cref="CheckpointException">A full disk or a missing permission; nothing that was committed has changed.</exception>
    public (string Path, long Bytes) Save(long step, Action<string> write, Func<IReadOnlyList<ManifestFile>, Manifest> manifest)
    {
        var name = step.ToString(CultureInfo.InvariantCulture);
        try
        {
            using var staging = new StagingFolder(folder, name);
            write(staging.Path);
            var files = Describe(staging.Path);
            System.IO.File.WriteAllText(System.IO.Path.Combine(staging.Path, ManifestFile), manifest(files).ToJson());
            var path = staging.Commit();
            RemoveOld(step);
            return (path, files.Sum(file => file.Bytes));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or DataException)
        {
            var found = error as DataException ?? DataException.FromSystem(PathOf(step), "write", error);
            var last = Steps() is [var newest, ..] ? $"The checkpoint of step {newest} stands unharmed: the run can be resumed from it." : "No older checkpoint exists.";
            throw new CheckpointException(
                CheckpointFault.NotWritten,
                $"{PathOf(step)}: the checkpoint of step {step} could not be written: {found.Message.TrimEnd('.')}. {last} Make room or give permission, or choose another folder with ckpt.save_ckpt_folder.",
                error);
        }
    }

    private string PathOf(long step) => System.IO.Path.Combine(folder, step.ToString(CultureInfo.InvariantCulture));

    private static List<ManifestFile> Describe(string staging) =>
        [.. from path in Directory.EnumerateFiles(staging, "*", SearchOption.AllDirectories)
            let name = System.IO.Path.GetRelativePath(staging, path).Replace('\\', '/')
            orderby name
            select new ManifestFile(name, new FileInfo(path).Length, FileChecksum.Of(path))];

    private static void CheckFile(string folder, ManifestFile file)
    {
        var path = System.IO.Path.Combine(folder, file.Path);
        var info = new FileInfo(path);
        CheckpointException Damaged(string found) => new(
            CheckpointFault.Damaged, $"{path}: {found}; a checkpoint's files must stay as they were written. Resume from an older checkpoint or restore the file.");
        if (!info.Exists)
        {
            throw Damaged("is missing");
        }

        if (info.Length != file.Bytes)
        {
            throw Damaged($"has {info.Length} bytes where the manifest says {file.Bytes}: it was {(info.Length < file.Bytes ? "cut short" : "altered")}");
        }

        try
        {
            if (FileChecksum.Of(path) is var found && found != file.Sha256)
            {
                throw Damaged($"has the checksum {found[..12]}… where the manifest says {file.Sha256[..Math.Min(12, file.Sha256.Length)]}…: its bytes were altered");
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(CheckpointFault.Damaged, $"{path}: cannot be read: {error.Message}", error);
        }
    }

    private void RemoveOld(long justSaved)
    {
        if (keepLast > 0)
        {
            foreach (var step in Steps().Where(step => step != justSaved).Skip(keepLast - 1))
            {
                StagingFolder.Remove(folder, step.ToString(CultureInfo.InvariantCulture));
            }
        }
    }
}
