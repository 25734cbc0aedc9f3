/* run.exe COMMAND LINE: runs it and writes its exit code to the file that RUN_REPORT names. Wine 8 kills a process that
   takes half a second to end, and its exit code is lost then to who started it from outside. */
#include <stdio.h>
#include <windows.h>

/* The rest of the command line, just as it was typed: behind the first word, which is this program. */
static WCHAR *rest(WCHAR *line)
{
    WCHAR end = ' ';
    if (*line == '"') {
        end = '"';
        line++;
    }
    while (*line && *line != end)
        line++;
    if (*line == '"')
        line++;
    while (*line == ' ')
        line++;
    return line;
}

int wmain(void)
{
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    DWORD code;
    FILE *report;

    if (!CreateProcessW(NULL, rest(GetCommandLineW()), NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process)) {
        fprintf(stderr, "run: error %lu\n", GetLastError());
        return 127;
    }
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    report = _wfopen(_wgetenv(L"RUN_REPORT"), L"w");
    if (report) {
        fprintf(report, "%lu", code & 255);
        fclose(report);
    }
    return code;
}
