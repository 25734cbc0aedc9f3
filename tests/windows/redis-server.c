/* A redis-server.exe for Wine that hands over to the Linux server: stands in where no real Windows server is at hand.
 *
 * Wine can start a Unix program but gives no process handle for it, and its pipes are none of Unix. So the two are tied
 * by a socket: a shell connects back to us and starts the server. When we end, however we end, the socket closes and the
 * shell kills the server. What the server prints comes through it, and the last line tells the exit code.
 *
 * Like a Windows server it ends gracefully on Ctrl-C, at once when it is terminated, and says its version.
 */
#include <stdio.h>
#include <string.h>
#include <winsock2.h>
#include <windows.h>

static SOCKET shell = INVALID_SOCKET;

#ifndef INSIDE_WSL
static const char script[] =
    "exec 3<>/dev/tcp/127.0.0.1/$1 || exit\n"
    "shift\n"
    "server=$(command -v redis-server || command -v valkey-server)\n"
    "\"${server:-redis-server}\" \"$@\" </dev/null >&3 2>&3 3<&- & pid=$!\n"
    "( while read -r word <&3; do kill -TERM $pid; done; kill -KILL $pid ) 2>/dev/null & reader=$!\n"
    "wait $pid; code=$?\n"
    "kill $reader 2>/dev/null\n"
    "echo SLOTDECK-EXIT $code >&3\n";
#endif

static BOOL WINAPI on_console_event(DWORD event)
{
    (void)event;
    if (shell != INVALID_SOCKET)
        send(shell, "end\n", 4, 0);
    return TRUE; /* The server saves and ends; then so do we. */
}

/* Writes the script beside this program, where it is not yet, and returns its name; NULL where that fails. */
static const char *script_file(void)
{
    static char name[4096];
    FILE *file;

    GetModuleFileNameA(NULL, name, sizeof name);
    strcpy(strrchr(name, '.'), ".sh");
    if (GetFileAttributesA(name) != INVALID_FILE_ATTRIBUTES)
        return name;
    file = fopen(name, "wb");
    if (!file)
        return NULL;
    fputs(script, file);
    fclose(file);
    return name;
}

/* Starts `bash script port arguments…` in our folder. The tests' arguments hold no quotes. */
static int start_shell(const char *script_name, int port, int argc, char **argv)
{
    static char line[32768];
    static WCHAR wide[4096];
    STARTUPINFOA start = {0};
    PROCESS_INFORMATION child = {0};
    char *(CDECL *unix_name)(LPCWSTR) = (void *)GetProcAddress(GetModuleHandleA("kernel32"), "wine_get_unix_file_name");
    size_t used;
    int i;

    if (!unix_name)
        return 0; /* No Wine. */
    MultiByteToWideChar(CP_ACP, 0, script_name, -1, wide, 4096);
    used = snprintf(line, sizeof line, "/bin/bash \"%s\" %d", unix_name(wide), port);
    for (i = 1; i < argc; i++)
        used += snprintf(line + used, sizeof line - used, " \"%s\"", argv[i]);
    start.cb = sizeof start;
    return CreateProcessA("\\\\?\\unix\\bin\\bash", line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &child);
}

/* Waits at most ten seconds for the shell to connect. */
static SOCKET accept_shell(SOCKET listener)
{
    struct timeval patience = {10, 0};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(listener, &set);
    if (select(0, &set, NULL, NULL, &patience) != 1)
        return INVALID_SOCKET;
    return accept(listener, NULL, NULL);
}

/* Hands on what the server prints, until the shell closes; returns the exit code that its last line tells. */
static int pass_on(void)
{
    char line[65536];
    size_t used = 0;
    int got, code = 103;

    while ((got = recv(shell, line + used, (int)(sizeof line - 1 - used), 0)) > 0) {
        char *from = line, *end;
        line[used += got] = 0;
        while ((end = strchr(from, '\n')) || (used - (from - line) > sizeof line / 2 && (end = line + used - 1))) {
            if (sscanf(from, "SLOTDECK-EXIT %d", &code) != 1)
                fwrite(from, 1, end + 1 - from, stdout);
            from = end + 1;
        }
        fflush(stdout);
        used -= from - line;
        memmove(line, from, used);
    }
    return code;
}

int main(int argc, char **argv)
{
    WSADATA wsa;
    struct sockaddr_in address = {0};
    int length = sizeof address;
    SOCKET listener;
    const char *script_name = script_file();

    if (!script_name || WSAStartup(MAKEWORD(2, 2), &wsa) != 0)
        return 100;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return 101;
    SetConsoleCtrlHandler(on_console_event, TRUE);
    if (!start_shell(script_name, ntohs(address.sin_port), argc, argv)) {
        fprintf(stderr, "can't start the Linux server: error %lu\n", GetLastError());
        return 102;
    }
    shell = accept_shell(listener);
    closesocket(listener);
    return shell == INVALID_SOCKET ? 104 : pass_on();
}
