using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Evo.Data.TensorBoard;

namespace Evo.Data;

/// <summary>
/// A file of events that TensorBoard shows: records of TFRecord's framing, each an Event message. A run that goes on begins a new
/// file, whose first words tell TensorBoard to forget what older ones say of the steps that are done again.
/// </summary>
/// <remarks>
/// Sources: tensorflow/tensorflow, core/lib/io/record_writer.cc (length, masked CRC-32C of it, data, masked CRC-32C of them);
/// tensorflow/tensorboard, compat/proto/event.proto and summary.proto (the numbers of fields).
/// </remarks>
public sealed class EventFile : IDisposable
{
    private readonly FileStream file;
    private readonly TimeProvider time;

    /// <summary>The file's path.</summary>
    public string Path => file.Name;

    /// <summary>Begins a file in a folder, which is made where it is missing.</summary>
    /// <param name="folder">The folder that TensorBoard is pointed to.</param>
    /// <param name="firstStep">The first step that will be written where a run goes on: what older files say of it and later ones is void.</param>
    /// <param name="time">The clock of the events; the system's unless given.</param>
    /// <exception cref="DataException">The folder or file cannot be written.</exception>
    public EventFile(string folder, long? firstStep = null, TimeProvider? time = null)
    {
        this.time = time ?? TimeProvider.System;
        try
        {
            Directory.CreateDirectory(folder);
            // TensorBoard reads the files of a folder in the order of their names: seconds first, then what tells two of a second apart.
            var number = Directory.GetFiles(folder, "events.out.tfevents.*").Length;
            var name = string.Create(CultureInfo.InvariantCulture,
                $"events.out.tfevents.{this.time.GetUtcNow().ToUnixTimeSeconds():D10}.{Environment.MachineName}.{Environment.ProcessId}.{number}");
            file = new FileStream(System.IO.Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.Read, 1 << 16);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(folder, "write TensorBoard's events", error);
        }
        Write(Event(0).Text(3, "brain.Event:2"));
        if (firstStep is { } step) Write(Event(step).Message(7, new ProtobufMessage().Int64(1, 1))); // SessionLog: START
        Flush();
    }

    /// <summary>Adds numbers of a step under their tags; they are in the system's hands when this returns.</summary>
    /// <exception cref="DataException">The disk is full or refuses.</exception>
    public void Scalars(long step, IEnumerable<(string Tag, double Value)> values)
    {
        var summary = new ProtobufMessage();
        foreach (var (tag, value) in values) summary.Message(1, new ProtobufMessage().Text(1, tag).Float(2, (float)value));
        Write(Event(step).Message(5, summary));
        Flush();
    }

    /// <summary>Adds a text, which TensorBoard shows as Markdown.</summary>
    /// <exception cref="DataException">The disk is full or refuses.</exception>
    public void Text(long step, string tag, string text)
    {
        const int typeIsString = 7;
        var plugin = new ProtobufMessage().Message(1, new ProtobufMessage().Text(1, "text"));
        var shape = new ProtobufMessage().Message(2, new ProtobufMessage().Int64(1, 1));
        var tensor = new ProtobufMessage().Int64(1, typeIsString).Message(2, shape).Text(8, text);
        var value = new ProtobufMessage().Text(1, tag + "/text_summary").Message(8, tensor).Message(9, plugin);
        Write(Event(step).Message(5, new ProtobufMessage().Message(1, value)));
        Flush();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            file.Dispose();
        }
        catch (IOException)
        {
            // What did not fit is tried once more on closing; its failure was reported when it was written.
        }
    }

    private ProtobufMessage Event(long step)
    {
        var seconds = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;
        var begun = new ProtobufMessage().Double(1, seconds);
        return step == 0 ? begun : begun.Int64(2, step);
    }

    private void Write(ProtobufMessage message)
    {
        var data = message.Written;
        Span<byte> head = stackalloc byte[12];
        BinaryPrimitives.WriteInt64LittleEndian(head, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], MaskedCrc(head[..8]));
        Span<byte> foot = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(foot, MaskedCrc(data));
        try
        {
            file.Write(head);
            file.Write(data);
            file.Write(foot);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(Path, "write", error);
        }
    }

    private void Flush()
    {
        try
        {
            file.Flush();
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(Path, "write", error);
        }
    }

    // Masked, because a checksum of bytes that hold checksums is a poor one.
    private static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        crc = ~crc;
        return BitOperations.RotateRight(crc, 15) + 0xa282ead8;
    }
}
